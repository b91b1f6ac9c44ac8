"""Who is ranked beside the bases of a study, who judges, and what that costs: asked before anything is paid."""
