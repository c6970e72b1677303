"""The chapters: each module has a function `chapter()` that derives its theorems; `derive.table` lists them."""
