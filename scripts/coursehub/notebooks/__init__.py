"""The test of a course's notebooks: each runs from top to bottom, in the environment that is to be deployed.

Which ones is `choice`; where they run, `installation` and `surroundings`; how, `running`; what came of it,
`results`, with places in the files from `lines`. `command` is the whole.
"""
