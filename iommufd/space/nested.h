/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Software nesting: IOASes whose mappings are made of another IOAS's.
 */
#ifndef IOMMUFD_NESTED_H
#define IOMMUFD_NESTED_H

#include "space/load.h"

/* How many IOASes may be below each other. */
#define NESTED_DEPTH_MAX	16

struct area *nested_find_source(struct ioas *ioas, unsigned long source);

/**
 * nested_prot - what a mapping that is made of another one permits
 * @wanted: what is asked for
 * @from: the area of the parent
 *
 * Both have to permit it; there is no use in an area that permits nothing.
 *
 * Return: the permissions, or 0.
 */
static inline u8 nested_prot(u8 wanted, const struct area *from)
{
	u8 prot = wanted & from->prot;

	return prot & (IOMMU_READ | IOMMU_WRITE) ? prot : 0;
}

/**
 * nested_origin - the area of the outermost IOAS that is behind one of a parent
 * @ioas: the child
 * @from: the area of its parent
 */
static inline struct area *nested_origin(const struct ioas *ioas,
					 struct area *from)
{
	return ioas->parent->parent ? area_loose(from)->origin : from;
}

/**
 * nested_init - make an area of a child, not placed yet
 * @ioas: the child
 * @area: memory for it
 * @from: the parent's area that it is made of
 * @source: IOVA in that
 * @length: bytes, as many as @from has from there
 * @prot: from nested_prot()
 */
static inline void nested_init(const struct ioas *ioas, struct area *area,
			       struct area *from, unsigned long source,
			       unsigned long length, u8 prot)
{
	struct loose_area *loose = area_loose(area);

	chain_init(area, from->pinned, from->offset + (source - from->iova),
		   length, prot);
	loose->source.start = source;
	loose->source.last = source + length - 1;
	loose->origin = nested_origin(ioas, from);
}

/**
 * nested_source - the area of the parent that a mapping is to be made of
 * @ioas: the child, locked
 * @source: first IOVA in the parent
 * @length: bytes
 *
 * As a rule it is that of the mapping before: a guest's RAM is few areas. It stays
 * for as long as the family is locked.
 *
 * Return: the area, or NULL if it is not one, or none.
 */
static inline struct area *nested_source(struct ioas *ioas,
					 unsigned long source,
					 unsigned long length)
{
	struct area *from = READ_ONCE(ioas->from);

	if (unlikely(!from || source < from->iova || source > from->last))
		from = nested_find_source(ioas, source);
	return from && length && from->last - source >= length - 1 ? from :
								     NULL;
}

/**
 * nested_link - note where an area of a child comes from
 * @ioas: the child, with its tree lock held
 * @area: from nested_init(), placed
 */
static inline void nested_link(struct ioas *ioas, struct area *area)
{
	struct loose_area *loose = area_loose(area);

	loose->ioas = ioas;
	if (unlikely(ioas->keeps_sources))
		interval_tree_insert(&loose->source, &ioas->sources);
}

/**
 * nested_unlink - the opposite of nested_link()
 * @ioas: the child, with its tree lock held
 * @area: one of its areas
 */
static inline void nested_unlink(struct ioas *ioas, struct area *area)
{
	if (unlikely(ioas->keeps_sources))
		interval_tree_remove(&area_loose(area)->source, &ioas->sources);
}

/**
 * nested_is_lent - is the memory of an area pinned for the children?
 * @ioas: the child, locked
 * @from: the area of its parent
 */
static inline bool nested_is_lent(const struct ioas *ioas, struct area *from)
{
	/* What pinning has changed is seen by who finds it set. */
	return smp_load_acquire(&nested_origin(ioas, from)->lent);
}

int nested_lend(struct ioas *ioas, unsigned long source, unsigned long length,
		u8 prot);
bool nested_keep_lent(struct area *area);
void nested_forget_source(struct ioas *ioas);
struct area *nested_chain(struct ioas *ioas, unsigned long source,
			  unsigned long length, u8 prot);
void nested_take_back(struct area *chain);
void nested_take_back_all(struct ioas *ioas);
int nested_remove(struct ioas *ioas, struct area **chain,
		  struct obstacle *obstacle);

#endif
