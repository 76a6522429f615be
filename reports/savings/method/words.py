"""What each word on these pages means, and what is not counted. The same as in docs/method.md."""

WORDS = [
    ("all-frontier", "One strong model doing all of the work alone: what the workflow is held against."),
    ("measured", "Shadows were run on the frontier: a sample, with an interval, and not known under 30."),
    (
        "agreement",
        "How often a shadow and the execution came to the same result, by the graders of the workflow. In brackets: where "
        "the true share lies with 95% confidence.",
    ),
    (
        "repriced warm",
        "The tokens that were used, at the frontier’s prices, as if its cache held what the cheap models’ caches held.",
    ),
    ("repriced cold", "The same, as if the frontier had no cache: every token of a prompt counts as input."),
    (
        "estimated",
        "The tokens of one model at the prices of another. Two models count the same text differently, and may "
        "need more or fewer words.",
    ),
    (
        "declared",
        "Somebody said it, with a name and a day: the design cost of a version, the cost of an execution on the "
        "frontier.",
    ),
    (
        "in doubt",
        "A call of which nobody knows whether it was paid: it counts at the most that it can have cost, until its "
        "answer turns up; then at the truth.",
    ),
    (
        "incomplete",
        "A call has no price. Its tokens are counted, it is in no cost, and whatever compares costs is not known.",
    ),
    ("unproven", "No evaluation stands behind the version that is live."),
    (
        "overridden",
        "A version was published without a verdict that passed: by whom, and why, stands beside each figure.",
    ),
    ("simulated", "Scripted or recorded models answered: a story, and no evidence. It is never added to real money."),
    (
        "tier",
        "How strong a model a step asks for: cheap, standard or frontier. The project says which model each tier is.",
    ),
    ("lane", "How an execution is served: fast, as designed, or quality, every model step on the frontier."),
    ("flag", "A mark on an execution: something in it was not sure, so it is escalated, or waits for a person."),
    ("escalated", "A step’s answer was not sure enough, so a stronger tier answered again, or a person."),
    ("shadow", "The same execution, run on the frontier too, for comparison only. Its answer is not used."),
    ("case", "An input with the answer that somebody confirmed: what an evaluation tests a version on."),
    ("gate", "The test before a version goes live: over the cases, is it as good as what it replaces."),
    ("reported", "What agents told of their own calls. It stands apart: in no cost, no count and no saving."),
]
NOT_COUNTED = [
    "Simulated money is not added to real money; which kind is shown stands in the address.",
    "What an agent reports of its own calls is in no figure but its own.",
    "Attempts, repairs, discarded answers and calls in doubt are in the costs, and never in what all-frontier "
    "would have cost: what we waste is ours.",
    "Executions that failed, were cancelled or whose answer feedback rejected completed nothing, so all-"
    "frontier would have paid nothing for them; what they cost counts.",
    "A step that a person answered counts nothing on the side of all-frontier, and neither minutes nor wages "
    "of people are in the savings.",
    "A used answer of the frontier counts at its own cost, and saves nothing.",
    "A model without a price is never free, and never at the price of another: it is unpriced.",
]
