"""The fake clouds as a simulation uses them: one module each, which joins the production provider to its fake cloud."""
