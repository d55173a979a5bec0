/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The Graphviz form of a picture.
 */
#ifndef IOASID_DOT_H
#define IOASID_DOT_H

struct picture;

void picture_dot(const struct picture *p);

#endif
