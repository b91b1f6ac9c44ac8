"""The Merge page: models, a method, a gradient over the layers, and the recipe that says it all."""
