"""`make bench`: what the filter costs Envoy, beside plain Envoy, in one run.

    traffic load ──▶ Envoy: plain | no-op filter | Sluice ──▶ traffic provide
       core 1                    core 0                            core 1

The contestants of a group (`row.GROUPS`) take turns under the same load, round after round, and medians are shown. First
each is saturated: CPU per request and requests per second. Then all get the same calls at a rate that the slowest can
bear: percentiles of the time an answer takes.
"""
