"""The frame of the window: navigation, pages, footer, and the palette of commands."""
