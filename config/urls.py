"""Every address of the service."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from analytics import api as analytics
from analytics import waterfall_api as waterfalls
from analytics.advice import api as advice
from analytics.metrics import spend
from analytics.operations import api as operations
from analytics.projection import api as projection
from analytics.usage import api as reconciliation
from designs import api as designs
from designs import group_api as groups
from evaluations import api as evaluations
from evaluations import case_api as cases
from evaluations import escalation_api as escalation
from evaluations import replay_api as replays
from evaluations import tier_search_api as tier_searches
from executions import api as executions
from executions import feedback_api as feedback
from executions import health, metrics
from executions import report_api as reports
from gateway import api as prices
from notifications import api as notifications
from notifications.metrics import telling
from projects import api as audit
from projects.accounts import login
from reports import api as exports
from reports import digest_api as digests
from reports.savings import urls as savings
from shadows import api as shadows
from wire import errors, openapi
from wire.metrics import Remembered, exposition
from workflows import api as workflows
from workflows import budget_api as budgets
from workflows import document_api as documents
from workflows import effort_api as effort
from workflows import spot_check_api as spot_checks

api = [
    path("definition-schema", documents.DefinitionSchema.as_view()),
    path("workflows", workflows.WorkflowList.as_view()),
    path("workflows/<str:name>", workflows.WorkflowDetail.as_view()),
    path("workflows/<str:name>/archival", workflows.Archival.as_view()),
    path("workflows/<str:name>/diff", documents.DiffView.as_view()),
    path("workflows/<str:name>/versions", workflows.VersionList.as_view()),
    path("workflows/<str:name>/versions/<str:number>", workflows.VersionDetail.as_view()),
    path("workflows/<str:name>/versions/<str:number>/publication", workflows.PublicationView.as_view()),
    path("workflows/<str:name>/baseline", workflows.BaselineView.as_view()),
    path("workflows/<str:name>/human-effort", effort.HumanEffortView.as_view()),
    path("workflows/<str:name>/spot-checks", spot_checks.SpotChecks.as_view()),
    path("workflows/<str:name>/executions", executions.WorkflowExecutions.as_view()),
    path("workflows/<str:name>/executions/batch", executions.WorkflowBatch.as_view()),
    path("workflows/<str:name>/executions/batch/estimate", executions.BatchEstimate.as_view()),
    path("workflows/<str:name>/executions/report", reports.WorkflowReport.as_view()),
    path("workflows/<str:name>/evaluations", evaluations.WorkflowEvaluations.as_view()),
    path("workflows/<str:name>/evaluations/estimate", evaluations.EvaluationEstimate.as_view()),
    path("workflows/<str:name>/replays", replays.WorkflowReplays.as_view()),
    path("workflows/<str:name>/replays/estimate", replays.ReplayEstimate.as_view()),
    path("workflows/<str:name>/tier-searches", tier_searches.WorkflowTierSearches.as_view()),
    path("workflows/<str:name>/tier-searches/estimate", tier_searches.TierSearchEstimate.as_view()),
    path("workflows/<str:name>/shadow-plan", shadows.ShadowPlan.as_view()),
    path("workflows/<str:name>/shadows", shadows.WorkflowShadows.as_view()),
    path("workflows/<str:name>/shadows/summary", shadows.WorkflowShadowSummary.as_view()),
    path("workflows/<str:name>/gate", evaluations.GateView.as_view()),
    path("workflows/<str:name>/cases", cases.CaseList.as_view()),
    path("workflows/<str:name>/cases/set", cases.CaseSetView.as_view()),
    path("workflows/<str:name>/cases/import", cases.CaseImport.as_view()),
    path("workflows/<str:name>/cases/<uuid:case_id>", cases.CaseDetail.as_view()),
    path("workflows/<str:name>/cases/<uuid:case_id>/confirmation", cases.CaseConfirmation.as_view()),
    path("workflows/<str:name>/cases/<uuid:case_id>/replacement", cases.CaseReplacement.as_view()),
    path("workflows/<str:name>/escalation-quality", escalation.EscalationQualityView.as_view()),
    path("workflows/<str:name>/groups", groups.GroupList.as_view()),
    path("workflows/<str:name>/costs", analytics.WorkflowCosts.as_view()),
    path("workflows/<str:name>/operations", operations.WorkflowOperations.as_view()),
    path("workflows/<str:name>/redesigns", designs.WorkflowRedesigns.as_view()),
    path("workflows/<str:name>/redesigns/estimate", designs.RedesignEstimate.as_view()),
    path("designs", designs.DesignList.as_view()),
    path("designs/estimate", designs.DesignEstimate.as_view()),
    path("designs/<uuid:design_id>", designs.DesignDetail.as_view()),
    path("designs/<uuid:design_id>/answers", designs.DesignAnswers.as_view()),
    path("designs/<uuid:design_id>/budget", designs.DesignBudget.as_view()),
    path("designs/<uuid:design_id>/cancellation", designs.DesignCancellation.as_view()),
    path("designs/<uuid:design_id>/rounds", designs.DesignRounds.as_view()),
    path("workflows/<str:name>/learning", analytics.WorkflowLearning.as_view()),
    path("workflows/<str:name>/waterfall", waterfalls.WorkflowWaterfall.as_view()),
    path("workflows/<str:name>/advice", advice.WorkflowAdvice.as_view()),
    path("workflows/<str:name>/projection", projection.WorkflowProjection.as_view()),
    path("workflows/<str:name>/what-if", projection.WorkflowWhatIf.as_view()),
    path("workflows/<str:name>/exports/<str:table>", exports.WorkflowExports.as_view()),
    path("exports/<str:table>", exports.ProjectExports.as_view()),
    path("executions", executions.ExecutionList.as_view()),
    path("executions/<uuid:execution_id>", executions.ExecutionDetail.as_view()),
    path("executions/<uuid:execution_id>/cancellation", executions.Cancellation.as_view()),
    path("executions/<uuid:execution_id>/feedback", feedback.ExecutionFeedback.as_view()),
    path("executions/<uuid:execution_id>/retries", executions.Retries.as_view()),
    path("executions/<uuid:execution_id>/steps", executions.ExecutionSteps.as_view()),
    path("executions/<uuid:execution_id>/model-calls", executions.ExecutionCalls.as_view()),
    path("evaluations/<uuid:evaluation_id>", evaluations.EvaluationDetail.as_view()),
    path("evaluations/<uuid:evaluation_id>/budget", evaluations.EvaluationBudget.as_view()),
    path("evaluations/<uuid:evaluation_id>/cancellation", evaluations.EvaluationCancellation.as_view()),
    path("evaluations/<uuid:evaluation_id>/results", evaluations.EvaluationResults.as_view()),
    path("evaluations/<uuid:evaluation_id>/results/<int:result_id>/opinion", evaluations.ResultOpinion.as_view()),
    path("replays/<uuid:replay_id>", replays.ReplayDetail.as_view()),
    path("replays/<uuid:replay_id>/budget", replays.ReplayBudget.as_view()),
    path("replays/<uuid:replay_id>/cancellation", replays.ReplayCancellation.as_view()),
    path("replays/<uuid:replay_id>/results", replays.ReplayResults.as_view()),
    path("shadows/<uuid:shadow_id>", shadows.ShadowDetail.as_view()),
    path("tier-searches/<uuid:search_id>", tier_searches.TierSearchDetail.as_view()),
    path("tier-searches/<uuid:search_id>/budget", tier_searches.TierSearchBudget.as_view()),
    path("tier-searches/<uuid:search_id>/cancellation", tier_searches.TierSearchCancellation.as_view()),
    path("flags", executions.FlagList.as_view()),
    path("flags/<uuid:flag_id>", executions.FlagDetail.as_view()),
    path("flags/<uuid:flag_id>/resolution", executions.FlagResolution.as_view()),
    path("groups/<uuid:group_id>", groups.GroupDetail.as_view()),
    path("groups/<uuid:group_id>/flags", groups.GroupFlags.as_view()),
    path("groups/<uuid:group_id>/resolution", groups.GroupResolution.as_view()),
    path("budgets", budgets.BudgetList.as_view()),
    path("budgets/<int:budget_id>", budgets.BudgetDetail.as_view()),
    path("costs", analytics.ProjectCosts.as_view()),
    path("waterfall", waterfalls.ProjectWaterfall.as_view()),
    path("operations", operations.ProjectOperations.as_view()),
    path("advice", advice.ProjectAdvice.as_view()),
    path("reconciliation", reconciliation.Reconciliation.as_view()),
    path("prices", prices.PriceList.as_view()),
    path("events", audit.EventList.as_view()),
    path("endpoints", notifications.EndpointList.as_view()),
    path("endpoints/<uuid:endpoint_id>", notifications.EndpointDetail.as_view()),
    path("endpoints/<uuid:endpoint_id>/secret", notifications.EndpointSecret.as_view()),
    path("endpoints/<uuid:endpoint_id>/test", notifications.EndpointTest.as_view()),
    path("endpoints/<uuid:endpoint_id>/deliveries", notifications.EndpointDeliveries.as_view()),
    path("deliveries/<uuid:delivery_id>/redelivery", notifications.Redelivery.as_view()),
    path("digests", digests.DigestList.as_view()),
    path("digests/<uuid:digest_id>", digests.DigestDetail.as_view()),
    path("digests/<uuid:digest_id>/test", digests.DigestTest.as_view()),
]

# What is told in /metrics, each remembered for so many seconds.
looks = [Remembered(metrics.work, 1), Remembered(metrics.history, 10), Remembered(spend, 30), Remembered(telling, 10)]

urlpatterns = [
    path("api/v1/", include(api)),
    path("api/schema/", openapi.schema),
    path("api/docs/", openapi.docs),
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", exposition(*looks)),
    path("admin/login/", login),
    path("admin/", admin.site.urls),
    path("reports", RedirectView.as_view(url="/reports/")),
    path("reports/", include(savings)),
    path("", RedirectView.as_view(url="/admin/")),
]

handler400 = errors.bad_request
handler403 = errors.forbidden
handler404 = errors.not_found
handler500 = errors.server_error
