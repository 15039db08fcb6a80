"""Count each search and run again, from the rows of their batches."""

import json


def searches(data):
    """Received, reported and missing of each search; the fates of each run; hits of each line."""
    batch, runs = data["batch"], data["run"]
    entries = data["batch_entry"].merge(batch, left_on="batch_id", right_on="id")
    lost = data["batch_rejected"].merge(batch, left_on="batch_id", right_on="id")
    figures, number = {}, 0
    for search in data["search"].sort_values("id").itertuples():
        own = batch[batch.search_id == search.id]
        if len(own) and own.withdrawn_at.notna().all():
            continue
        number += 1
        name = f"search.{number}"
        here = entries[(entries.search_id == search.id) & entries.withdrawn_at.isna()]
        first = here.groupby("record_id").batch_id.transform("min")
        rejected = lost[(lost.search_id == search.id) & lost.withdrawn_at.isna()]
        received = int((here.batch_id == first).sum()) + len(rejected)
        kept = here[here.fate != "filtered"].record_id.unique()
        filtered = here[~here.record_id.isin(kept)].record_id.nunique()
        mine = runs[runs.search_id == search.id]
        reported = search.reported
        figures |= {
            f"{name}.received": received,
            f"{name}.reported": None if reported != reported else int(reported),
            f"{name}.filtered": filtered,
            f"{name}.rejected": len(rejected),
            f"{name}.gap": None if reported != reported else int(reported) - received,
        }
        if len(mine):
            figures[f"{name}.losses"] = len(json.loads(mine.losses.iloc[-1]))
        for run in mine.itertuples():
            pages = batch[batch.run_id == run.id]
            page_entries = data["batch_entry"][data["batch_entry"].batch_id.isin(pages.id)]
            page_lost = data["batch_rejected"][data["batch_rejected"].batch_id.isin(pages.id)]
            fates = page_entries.fate.value_counts()
            key = f"run.{run.id}"
            figures |= {
                f"{key}.received": len(page_entries) + len(page_lost),
                f"{key}.pages": len(pages),
                **{
                    f"{key}.{fate}": int(fates.get(fate, 0))
                    for fate in ("new", "changed", "same", "filtered")
                },
                f"{key}.rejected": len(page_lost),
                f"{key}.unique": page_entries.record_id.nunique(),
                f"{key}.queries": len(json.loads(run.queries)),
            }
            hits = data["line_hits"][data["line_hits"].run_id == run.id]
            for line in hits.itertuples():
                if line.hits == line.hits:
                    figures[f"{name}.line.{line.line}"] = int(line.hits)
    figures["strategy.version"] = int(data["strategy"].version.max())
    figures["searches"] = number
    return figures
