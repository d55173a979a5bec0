/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef UNIT_EXPORT_H
#define UNIT_EXPORT_H

#define EXPORT_SYMBOL(symbol)
#define EXPORT_SYMBOL_GPL(symbol)

#endif
