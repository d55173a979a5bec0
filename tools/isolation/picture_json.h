/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef IOASID_PICTURE_JSON_H
#define IOASID_PICTURE_JSON_H

#include <jansson.h>

struct picture;

json_t *picture_json(const struct picture *p);

#endif
