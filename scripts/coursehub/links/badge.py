"""The badge's picture, which needs no server to draw it."""

BADGE = """\
<svg xmlns="http://www.w3.org/2000/svg" width="128" height="20" viewBox="0 0 128 20" role="img" \
aria-label="Open on the hub">
  <title>Open on the hub</title>
  <clipPath id="shape"><rect width="128" height="20" rx="4"/></clipPath>
  <g clip-path="url(#shape)">
    <rect width="50" height="20" fill="#3d4451"/>
    <rect x="50" width="78" height="20" fill="#b3470b"/>
  </g>
  <path d="M9 6l7 4-7 4z" fill="#ffffff"/>
  <g fill="#ffffff" font-family="Verdana,DejaVu Sans,Geneva,sans-serif" font-size="11">
    <text x="19" y="14" textLength="27" lengthAdjust="spacingAndGlyphs">open</text>
    <text x="58" y="14" textLength="62" lengthAdjust="spacingAndGlyphs">on the hub</text>
  </g>
</svg>
"""
