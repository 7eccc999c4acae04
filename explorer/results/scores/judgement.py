"""How much of each concept each layer holds, beside every null, and the verdict.

What `make` gives:
```
concepts: [{                      one for each concept × layer
  concept, layer, n (scored images with a value), fitted (images that a probe is fitted on), missing, rare: [value]
  metric, score, low, high        of what decided: "average precision" of single codes, else "balanced accuracy" or "R²"
  chance                          what knowing nothing reaches
  baselines: {null: {mean, low, high}}, best_null: {name, mean, low, high}
  verdict, sentence
  codes: [{code, value, ap, low, high, n (scored images of the value), share, null: {name, mean, low, high}}]
  single, joint: {metric, score, low, high, chance, baselines, best_null}     both, whichever decided
  ladder: [{point, probe ("linear" or "kNN"), score, low, high}]              pixels to shuffled bags of codes
  selectivity: {control, selectivity}
  given_pictures: {alone, together, gain, low, high}     a probe on colour, lightness, … and on these and the codes
  values: [{value, n, share, verdict, sentence, single: {…}, joint: {…}}]     each value against the rest
  detectable                      how far above chance a score had to be to be found
}]
refused: {concept: sentence}      what cannot be judged
absent: {null: sentence}          nulls that cannot be had here
```
"""
