// SPDX-License-Identifier: GPL-2.0-only
#include "isolation/picture_json.h"

#include "isolation/explain.h"
#include "isolation/picture.h"
#include "output.h"

static json_t *nodes_json(const struct picture *p)
{
	json_t *array = xjson(json_array());
	int i;

	for (i = 0; i < p->t->nr; i++) {
		const struct function *f = &p->t->functions[i];

		json_array_append_new(array, json_pack("{so ss ss so so}",
			"address", explain_address(p->t, i),
			"kind", topology_kind(f), "name", f->name,
			"group", p->g->of[i] < 0 ? json_null() :
				 json_integer(p->g->of[i]),
			"above", explain_address(p->t,
						 topology_above(p->t, i))));
	}
	return array;
}

static json_t *ways_json(const struct picture *p)
{
	json_t *array = xjson(json_array());
	int i;

	for (i = 0; i < p->ways.nr; i++) {
		int from = p->ways.at[i].a, to = p->ways.at[i].b;
		struct path path = path_find(p->t, from, to, TRAFFIC_REQUEST);

		json_array_append_new(array, json_pack("{so so ss}",
			"from", explain_address(p->t, from),
			"to", explain_address(p->t, to),
			"route", path_route_name(path.route)));
	}
	return array;
}

/**
 * picture_json() - what is in the picture, for those who draw it themselves
 * @p: the picture
 *
 * Return: an object.
 */
json_t *picture_json(const struct picture *p)
{
	return xjson(json_pack("{so so}", "functions", nodes_json(p), "ways",
			       ways_json(p)));
}
