"""What workflows, versions, publications, baselines and budgets look like in an answer."""

from typing import Annotated

from pydantic import ConfigDict, Field

from wire.answers import Answer, Day, Id, Json, Money, Rate, Time, word_of

from . import models


class Publication(Answer):
    workflow: str
    version: str
    tier_map: dict[str, str]
    prompt_format: int
    evidence: word_of(models.Publication.Evidence)
    evaluation: Annotated[Id | None, Field(description="Whose verdict the evidence is.")]
    reason: Annotated[str | None, Field(description="Why the gate was overridden.")]
    unproven: bool
    published_by: str
    published_at: Time


class LivePublication(Publication):
    definition: dict[str, Json]


class Workflow(Answer):
    name: str
    published: Annotated[LivePublication | None, Field(description="The publication that is live.")]
    archived_at: Annotated[Time | None, Field(description="Since when it takes no executions any more.")]
    created_at: Time


class Change(Answer):
    op: word_of(("added", "removed", "changed", "moved"))
    pointer: Annotated[str, Field(description="In the later definition; of what was removed, in the earlier one.")]
    about: Annotated[str | None, Field(description="The id of the step or edge case.")]
    before: Json
    after: Json


class Diff(Answer):
    from_: Annotated[str, Field(alias="from")]
    to: str
    identical: bool
    complete: Annotated[bool, Field(description="Whether `changes` are all that there are, and not the first 1,000.")]
    changes: list[Change]
    text: Annotated[str, Field(description="A unified diff of both as YAML.")]


class DefinitionSchema(Answer):
    """A JSON Schema, draft 2020-12."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    title: str
    type: str


class Warned(Answer):
    """What is allowed and doubtful."""

    pointer: str
    detail: str


class Version(Answer):
    workflow: str
    version: str
    state: word_of(("draft", "published"))
    definition: dict[str, Json]
    content_hash: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    changelog: str
    design_context: dict[str, Json]
    designed_by: str | None
    designed_at: Time | None
    intelligence_level: str | None
    design_cost: Money | None
    resolves: Annotated[list[Id], Field(description="The flags that its publication closes.")]
    warnings: list[Warned]
    publications: list[Publication]
    created_by: str
    created_at: Time


class StoredWorkflow(Version, Workflow):
    """A new workflow and its first version in one."""


class Baseline(Answer):
    method: word_of(models.Baseline.Method)
    model: str | None
    cost_per_execution: Money | None
    prompt: Annotated[str | None, Field(description="How the model is asked the task without its workflow.")]
    from_: Annotated[Time, Field(alias="from")]


class HumanEffort(Answer):
    workflow: str
    minutes_per_review: Annotated[
        str | None, Field(pattern=r"^\d+\.\d{2}$", description="Null: nobody has stated any.")
    ]
    cost_per_hour: Money | None
    from_: Annotated[Time | None, Field(alias="from")]


class SpotChecks(Answer):
    workflow: str
    share: Rate
    stated_for: Annotated[word_of(("workflow", "project")) | None, Field(description="Null: nobody has stated one.")]


class BySimulation(Answer):
    """Real and simulated money are never added."""

    real: Money
    simulated: Money


class Budget(Answer):
    id: Id
    workflow: str | None
    period: word_of(models.Budget.Period)
    cap: Money
    since: Day | None
    until: Day | None
    spent: BySimulation
    reserved: BySimulation
    stated_by: str
    stated_at: Time
