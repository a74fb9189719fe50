"""How fragile W and W+ are: the realism of pictures as codes leave the distribution of style codes.

Run with ``python -m zplus_plugins.directions.fragility --out fragility.json``.

StyleGAN2 on FFHQ draws worse faces the further style codes are from their mean, as a Mahalanobis distance in P_N
(arXiv 2012.09036, arXiv 2307.08995), and good ones wherever on the hypersphere of Z a code lies. This package measures
both for a portrait generator. Random codes of Z, and of Z+ (an own one for each layer), are moved

- along editing directions, with both signs: style codes in W and W+ on a straight line; codes in Z and Z+ on their
  paths along the same direction (:class:`~zplus_plugins.directions.pursuit.Pursuit`), as in ``zplus edit``;
- at random: style codes along a random direction in W, or another one for each layer in W+; codes in Z and Z+ on a
  geodesic towards a random code. A strength of 1 is one standard deviation of style codes in that direction, or an
  eighth of the half circle.

A picture is realistic if it is as near to 3,000 held-out drawn portraits as 95 % of other drawn ones are
(:mod:`zplus_plugins.metrics.realism`), in spaces that had no part in training the generator: ``pixels``, principal
components of them; ``features`` of the embedded regressor; and ``edges``, how sharp the picture is in which places. For
``own_edges``, the generator's own pictures from Z take the place of drawn ones: they may be less sharp. Spaces are
compared at the same change: of the attribute, for edits; of all attributes on average, for random moves.

**What decides.** A generator behaves like a real one if, for edits that start in Z,

1. at least half of its own pictures, unedited, are realistic (else nothing can be said);
2. at strength :data:`~.comparison.STRENGTH`, the share of realistic pictures in W has fallen below half of the unedited
   ones'; and
3. in Z, at the change that W has reached by then, or the largest that Z reaches, it is still at least four fifths.

This was set before any result was seen, with ``pixels`` to decide. The embedded generator failed at 2: its share in W
fell from .92 to .87. Its pictures contradict that: glasses of strength 4 in W blur the face beyond recognition. Spoiled
drawings (:mod:`.controls`) show why: by pixels, blurred portraits and double exposures are *more* realistic than
drawn ones. ``edges`` were then chosen by these drawings alone, before any generator was measured with them, and the
same three thresholds are applied to ``own_edges`` too. Both outcomes are reported; everything else decides nothing.
No measure tells double exposures from portraits.
"""
