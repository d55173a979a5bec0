// SPDX-License-Identifier: GPL-2.0-only
#include "isolation/picture.h"

/**
 * picture_colour() - the colour of a route
 * @route: which
 *
 * Return: as of SVG and Graphviz.
 */
const char *picture_colour(enum route route)
{
	static const char *const colours[] = {
		[ROUTE_DIRECT] = "#c62828",
		[ROUTE_POSSIBLE] = "#ef6c00",
		[ROUTE_REDIRECTED] = "#2e7d32",
		[ROUTE_ROOT] = "#1565c0",
		[ROUTE_BLOCKED] = "#757575",
		[ROUTE_UNKNOWN] = "#6a1b9a",
	};

	return colours[route];
}

/**
 * picture_back() - the same way in the other direction
 * @p: the picture
 * @way: index of a way
 *
 * Return: the index of one that leads back and is of the same route, or -1. Of
 * the two the first is drawn, with two heads.
 */
int picture_back(const struct picture *p, int way)
{
	const struct pair *there = &p->ways.at[way];
	int i;

	for (i = 0; i < p->ways.nr; i++) {
		const struct pair *back = &p->ways.at[i];

		if (back->a == there->b && back->b == there->a &&
		    path_find(p->t, back->a, back->b, TRAFFIC_REQUEST).route ==
		    path_find(p->t, there->a, there->b, TRAFFIC_REQUEST).route)
			return i;
	}
	return -1;
}
