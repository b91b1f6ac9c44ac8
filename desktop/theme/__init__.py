"""How the window looks: one set of tokens per scheme, turned into a palette, a style sheet, fonts and icons."""
