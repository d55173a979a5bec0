// SPDX-License-Identifier: GPL-2.0-only
/*
 * The span iterator of lib/interval_tree.c.  The plain operations in the same
 * file are exported by vmlinux already: here they get names of their own.
 */
#define interval_tree_insert		peer_interval_tree_insert
#define interval_tree_remove		peer_interval_tree_remove
#define interval_tree_iter_first	peer_interval_tree_iter_first
#define interval_tree_iter_next		peer_interval_tree_iter_next
#define interval_tree_subtree_search	peer_interval_tree_subtree_search

#include "../interval_tree.c"
