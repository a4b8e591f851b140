"""The commands on one issue, in the order of its life.

`drafting` picks comparisons and builds, shows and checks an issue, with the words that
`draft_words` has put into its draft; `approve` approves it, sends
test copies and rebuilds it for comparison; `send` plans its deliveries and sends them, and
`status_command` reports on that; `issue_control` pauses, resumes and cancels it and resolves
batches in doubt.
`warm_up_commands` starts, shows and ends the plan that warms a sender up.
`correct` builds the correction of one that went out wrong, and `comparison_votes` shows what
readers voted on a comparison. `issue_dates` asks before a week that
has passed is built and before an issue is sent early; `status_output` prints one issue's counts and
problems, and `service_status` what the service did and does next.
"""
