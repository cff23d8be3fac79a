"""The watchdog on the droplet: twice a minute it looks at the hub from inside, and heals what it knows.

It is installed by the part of the same name and run by the droplet's own Python: standard library only. One
pass (`passing`) looks (`looks`), judges (`judgement`), decides (`decision`, both pure), acts (`acts`), and
keeps a report and a bounded log of what it found and did (`keeping`).
"""
