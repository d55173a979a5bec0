/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The SVG form of a picture.
 */
#ifndef IOASID_SVG_H
#define IOASID_SVG_H

struct picture;

void picture_svg(const struct picture *p);

#endif
