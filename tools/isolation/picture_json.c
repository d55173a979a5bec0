// SPDX-License-Identifier: GPL-2.0-only
#include "isolation/picture_json.h"

#include "isolation/explain.h"
#include "isolation/picture.h"
#include "output.h"

/* Here, rows are of one function each. */
static json_t *address(const struct picture *p, int row)
{
	return explain_address(p->rows->t, p->rows->at[row].functions.at[0]);
}

static json_t *nodes_json(const struct picture *p)
{
	const struct topology *t = p->rows->t;
	json_t *array = xjson(json_array());
	int i;

	for (i = 0; i < t->nr; i++) {
		const struct function *f = &t->functions[i];
		int group = p->rows->g->of[i];

		if (!p->rows->drawn[i])
			continue;
		json_array_append_new(array, json_pack("{so ss ss so so so}",
			"address", explain_address(t, i),
			"kind", topology_kind(f), "name", f->name,
			"group", group < 0 ? json_null() : json_integer(group),
			"above", explain_address(t, topology_above(t, i)),
			"numa_node", f->node < 0 ? json_null() :
				     json_integer(f->node)));
	}
	return array;
}

static json_t *ways_json(const struct picture *p)
{
	json_t *array = xjson(json_array());
	int i, back;

	for (i = 0; i < p->nr_ways; i++) {
		const struct way *way = &p->ways[i];

		for (back = 0; back <= way->both; back++)
			json_array_append_new(array, json_pack("{so so ss}",
				"from", address(p, back ? way->to : way->from),
				"to", address(p, back ? way->from : way->to),
				"route", path_route_name(way->route)));
	}
	return array;
}

static json_t *marked_json(const struct picture *p, const bool *marked)
{
	json_t *array = xjson(json_array());
	int i;

	for (i = 0; i < p->rows->nr; i++)
		if (marked[i])
			json_array_append_new(array, address(p, i));
	return array;
}

static json_t *junctions_json(const struct picture *p)
{
	json_t *array = xjson(json_array());
	int i;

	for (i = 0; i < p->nr_junctions; i++) {
		const struct junction *j = &p->junctions[i];

		json_array_append_new(array, json_pack("{so so ss}",
			"from", marked_json(p, j->sends),
			"to", marked_json(p, j->takes),
			"route", path_route_name(j->route)));
	}
	return array;
}

/**
 * picture_json() - what is in the picture, for those who draw it themselves
 * @p: the picture, with a row for each function
 *
 * Return: an object.
 */
json_t *picture_json(const struct picture *p)
{
	return xjson(json_pack("{so so so}", "functions", nodes_json(p),
			       "ways", ways_json(p), "junctions",
			       junctions_json(p)));
}
