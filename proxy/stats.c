/* See stats.h. */
#include "stats.h"

void px_stats_add(px_stats *to, const px_stats *from)
{
    uint64_t longest = to->longest_hold > from->longest_hold ? to->longest_hold : from->longest_hold;
#define PX_STATS_SUM(name, unit, meaning) to->name += from->name;
    PX_STATS_LIST(PX_STATS_SUM)
#undef PX_STATS_SUM
    to->longest_hold = longest;
}

static void row(b_table *out, const char *name, uint64_t value, const char *unit, const char *meaning)
{
    b_table_row(out);
    b_table_str(out, name);
    b_table_printf(out, "%llu", (unsigned long long)value);
    b_table_str(out, unit);
    b_table_str(out, meaning);
}

void px_stats_rows(const px_stats *s, b_table *out)
{
#define PX_STATS_ROW(name, unit, meaning) row(out, #name, s->name, unit, meaning);
    PX_STATS_LIST(PX_STATS_ROW)
#undef PX_STATS_ROW
}
