// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bitmaps of IOVAs in user memory: which pages are dirty.
 *
 * IOMMU drivers walk their page tables and report what is dirty, often under locks,
 * where user memory cannot be touched. So the range is walked window by window: the
 * bits of a window are collected in kernel memory, and ORed into the user's bitmap
 * when the driver has returned. User memory in which no bit is to be set is not
 * touched.
 *
 * Windows end at multiples of their size, so unless the bits are for very small pages
 * no page table entry straddles two of them. If one does, the driver may report the
 * whole entry; the part outside the window is noted as a range.
 */
#include <linux/bitmap.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/iova_bitmap.h>
#include <linux/log2.h>
#include <linux/math.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "compat.h"

/* 32 KiB, for 1 GiB in pages of 4 KiB. */
#define WINDOW_SHIFT	18
#define WINDOW_BITS	(1UL << WINDOW_SHIFT)

/**
 * struct iova_bitmap - a bitmap of user space, and the window into it
 * @data: bit 0 is for @iova
 * @iova: first IOVA
 * @last: last IOVA, inclusive
 * @shift: a bit is for 1 << shift bytes
 * @bytes: length of the user's bitmap
 * @start: first IOVA of the window
 * @end: last IOVA of the window, inclusive; less than @start if there is none
 * @base: the user's bit that is bit 0 of @words; a multiple of 64
 * @any: something has been set
 * @before: the first IOVA in front of the window that is dirty, or @start
 * @behind: the last IOVA behind the window that is dirty, or @end
 * @nr_words: length of @words
 * @words: the bits of the window
 */
struct iova_bitmap {
	u64 __user *data;
	unsigned long iova;
	unsigned long last;
	unsigned int shift;
	unsigned long bytes;
	unsigned long start;
	unsigned long end;
	unsigned long base;
	bool any;
	unsigned long before;
	unsigned long behind;
	size_t nr_words;
	unsigned long words[];
};

static_assert(BITS_PER_LONG == 64, "words[] is laid out as the user's u64");

static unsigned long bit_of(const struct iova_bitmap *bitmap,
			    unsigned long iova)
{
	return (iova - bitmap->iova) >> bitmap->shift;
}

/**
 * iova_bitmap_alloc - prepare a bitmap of user space
 * @iova: the IOVA that bit 0 is for
 * @length: bytes
 * @page_size: bytes per bit, a power of two
 * @data: the user's bitmap. Bits are set in it, never cleared.
 *
 * Return: the bitmap, or ERR_PTR of -EINVAL (no length, it wraps, page size),
 * -EFAULT (@data cannot be user memory), -ENOMEM.
 */
struct iova_bitmap *iova_bitmap_alloc(unsigned long iova, size_t length,
				      unsigned long page_size,
				      u64 __user *data)
{
	struct iova_bitmap *bitmap;
	unsigned long last, bits;
	size_t nr_words;

	if (!length || check_add_overflow(iova, length - 1, &last) ||
	    !is_power_of_2(page_size))
		return ERR_PTR(-EINVAL);
	bits = ((last - iova) >> ilog2(page_size)) + 1;
	if (!access_ok(data, DIV_ROUND_UP(bits, BITS_PER_BYTE)))
		return ERR_PTR(-EFAULT);

	/* One more, because a window need not begin with a word. */
	nr_words = BITS_TO_LONGS(min(bits, WINDOW_BITS)) + 1;
	bitmap = kvzalloc(struct_size(bitmap, words, nr_words),
			  GFP_KERNEL_ACCOUNT);
	if (!bitmap)
		return ERR_PTR(-ENOMEM);
	bitmap->data = data;
	bitmap->iova = iova;
	bitmap->last = last;
	bitmap->shift = ilog2(page_size);
	bitmap->bytes = DIV_ROUND_UP(bits, BITS_PER_BYTE);
	bitmap->start = 1;
	bitmap->nr_words = nr_words;
	return bitmap;
}
EXPORT_SYMBOL_NS_GPL(iova_bitmap_alloc, "IOMMUFD");

/**
 * iova_bitmap_free - the opposite of iova_bitmap_alloc()
 * @bitmap: the bitmap
 */
void iova_bitmap_free(struct iova_bitmap *bitmap)
{
	kvfree(bitmap);
}
EXPORT_SYMBOL_NS_GPL(iova_bitmap_free, "IOMMUFD");

static void window_open(struct iova_bitmap *bitmap, unsigned long start)
{
	unsigned int shift = bitmap->shift + WINDOW_SHIFT;
	unsigned long mask = shift < BITS_PER_LONG ? (1UL << shift) - 1 :
						     ULONG_MAX;

	bitmap->start = start;
	bitmap->end = min(bitmap->last, start | mask);
	bitmap->base = round_down(bit_of(bitmap, start), BITS_PER_LONG);
	bitmap->before = bitmap->start;
	bitmap->behind = bitmap->end;
}

static int or_words(u64 __user *to, const unsigned long *words, size_t nr)
{
	size_t i;
	u64 word;

	if (!user_access_begin(to, nr * sizeof(*to)))
		return -EFAULT;
	for (i = 0; i < nr; i++) {
		if (!words[i])
			continue;
		unsafe_get_user(word, &to[i], err);
		unsafe_put_user(word | words[i], &to[i], err);
	}
	user_access_end();
	return 0;
err:
	user_access_end();
	return -EFAULT;
}

/* The end of a bitmap that is not whole words: user memory may end there, too. */
static int or_bytes(u8 __user *to, unsigned long word, size_t nr)
{
	size_t i;
	u8 byte;

	for (i = 0; i < nr; i++, word >>= BITS_PER_BYTE) {
		if (!(word & 0xff))
			continue;
		if (get_user(byte, &to[i]) ||
		    put_user((u8)(byte | word), &to[i]))
			return -EFAULT;
	}
	return 0;
}

/* OR @nr words into the user's bitmap, from its word @index on. */
static int user_or(const struct iova_bitmap *bitmap, unsigned long index,
		   const unsigned long *words, size_t nr)
{
	size_t whole = min(nr, bitmap->bytes / sizeof(u64) - index);
	int rc = 0;

	if (whole)
		rc = or_words(&bitmap->data[index], words, whole);
	if (!rc && whole < nr)
		rc = or_bytes((u8 __user *)&bitmap->data[index + whole],
			      words[whole], bitmap->bytes % sizeof(u64));
	return rc;
}

/* Set the bits of a range that is outside the window. */
static int user_or_range(const struct iova_bitmap *bitmap,
			 unsigned long start, unsigned long last)
{
	unsigned long bit = bit_of(bitmap, start);
	unsigned long last_bit = bit_of(bitmap, last);
	int rc = 0;

	while (!rc && bit <= last_bit) {
		unsigned long index = bit / BITS_PER_LONG;
		unsigned long end = min(last_bit, bit | (BITS_PER_LONG - 1));
		unsigned long word = GENMASK(end % BITS_PER_LONG,
					     bit % BITS_PER_LONG);

		rc = user_or(bitmap, index, &word, 1);
		bit = end + 1;
	}
	return rc;
}

static int window_close(struct iova_bitmap *bitmap)
{
	size_t nr = BITS_TO_LONGS(bit_of(bitmap, bitmap->end) + 1 -
				  bitmap->base);
	int rc = 0;

	if (bitmap->any) {
		rc = user_or(bitmap, bitmap->base / BITS_PER_LONG,
			     bitmap->words, nr);
		memset(bitmap->words, 0, nr * sizeof(bitmap->words[0]));
		bitmap->any = false;
	}
	if (!rc && bitmap->before < bitmap->start)
		rc = user_or_range(bitmap, bitmap->before, bitmap->start - 1);
	if (!rc && bitmap->behind > bitmap->end)
		rc = user_or_range(bitmap, bitmap->end + 1, bitmap->behind);
	return rc;
}

/**
 * iova_bitmap_for_each - go through a bitmap window by window, to set bits
 * @bitmap: the bitmap
 * @opaque: for @fn
 * @fn: called for each window, in ascending order, with its first IOVA and its length
 *	in bytes; may use iova_bitmap_set()
 *
 * What has been set reaches the user's bitmap even if @fn fails afterwards.
 *
 * Return: 0, the first error of @fn, or -EFAULT if the user's bitmap could not be
 * written.
 */
int iova_bitmap_for_each(struct iova_bitmap *bitmap, void *opaque,
			 iova_bitmap_fn_t fn)
{
	unsigned long start = bitmap->iova;
	int rc, closed;

	for (;;) {
		window_open(bitmap, start);
		rc = fn(bitmap, start, bitmap->end - start + 1, opaque);
		closed = window_close(bitmap);
		rc = rc ?: closed;
		if (rc || bitmap->end == bitmap->last)
			return rc;
		start = bitmap->end + 1;
		cond_resched();
	}
}
EXPORT_SYMBOL_NS_GPL(iova_bitmap_for_each, "IOMMUFD");

/**
 * iova_bitmap_set - record that a range is dirty
 * @bitmap: the bitmap, while iova_bitmap_for_each() works on it
 * @iova: first IOVA
 * @length: bytes
 *
 * Does not sleep. What is outside the bitmap is ignored.
 */
void iova_bitmap_set(struct iova_bitmap *bitmap, unsigned long iova,
		     size_t length)
{
	unsigned long last;
	unsigned long bit;

	if (WARN_ON_ONCE(bitmap->start > bitmap->end) || !length)
		return;
	if (check_add_overflow(iova, length - 1, &last))
		last = ULONG_MAX;
	iova = max(iova, bitmap->iova);
	last = min(last, bitmap->last);
	if (iova > last)
		return;

	bitmap->before = min(bitmap->before, iova);
	bitmap->behind = max(bitmap->behind, last);
	iova = max(iova, bitmap->start);
	last = min(last, bitmap->end);
	if (iova > last)
		return;
	bit = bit_of(bitmap, iova);
	bitmap_set(bitmap->words, bit - bitmap->base,
		   bit_of(bitmap, last) - bit + 1);
	bitmap->any = true;
}
EXPORT_SYMBOL_NS_GPL(iova_bitmap_set, "IOMMUFD");
