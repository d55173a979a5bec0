// SPDX-License-Identifier: GPL-2.0-only
/*
 * floor.ko - the least that mapping user memory for a device can cost.
 *
 * map:   pin the pages, hand every physically contiguous run to the IOMMU
 * unmap: take the whole range out of the IOMMU, unpin every run
 *
 * The only thing remembered between the two is what must be unpinned. See
 * floor.h for the commands.
 */
#include <linux/align.h>
#include <linux/bitops.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/iommu.h>
#include <linux/ktime.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pagemap.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "floor.h"

/* QEMU's educational PCI device. */
#define EDU_VENDOR	0x1234
#define EDU_DEVICE	0x11e8

#define BATCH		512U
#define HUGE_PAGES	(PMD_SIZE / PAGE_SIZE)
#define GUP_FLAGS	(FOLL_WRITE | FOLL_LONGTERM)
#define PROT		(IOMMU_READ | IOMMU_WRITE | IOMMU_CACHE)

/* Physically contiguous pages. */
struct run {
	struct page *first;
	unsigned long npages;
};

/* A small mapping: its runs are inside it, so that nothing is allocated. */
struct one {
	unsigned long iova;
	size_t length;
	unsigned int nr_runs;
	struct run runs[FLOOR_ONE_PAGES];
};

/* A part of a batch: pages that follow each other on both sides. */
struct piece {
	unsigned long iova;
	struct run run;
};

/**
 * struct floor - state of the one opener
 * @pdev: the device whose DMA ownership is claimed
 * @domain: attached to @pdev
 * @batch: scratch of pin_user_pages_fast()
 * @iova: of the large mapping
 * @length: of the large mapping in bytes; 0 when there is none
 * @runs: of the large mapping
 * @nr_runs: number of @runs
 * @folios: pinned for the large mapping; @nr_folios is 0 if by GUP
 * @nr_folios: number of @folios
 * @huge: only the first page of every huge page of @runs is pinned
 * @bar: nothing is pinned
 * @ones: the small mappings
 * @args: the arguments of a batch
 * @pieces: of the batch that is mapped
 * @nr_pieces: number of @pieces
 */
struct floor {
	struct pci_dev *pdev;
	struct iommu_domain *domain;
	struct page *batch[BATCH];
	unsigned long iova;
	size_t length;
	struct run *runs;
	unsigned int nr_runs;
	struct folio **folios;
	unsigned int nr_folios;
	bool huge;
	bool bar;
	struct one *ones;
	struct floor_batch args;
	struct piece pieces[FLOOR_BATCH];
	unsigned int nr_pieces;
};

/* Bit 0: /dev/floor is open. */
static unsigned long floor_busy;

static u64 stamp(const struct floor_io *io)
{
	return io->flags & FLOOR_TIMED ? ktime_get_ns() : 0;
}

/*
 * Number of leading @pages that are physically contiguous. When the last one
 * is where it would be if all of them were, all are taken to be: the
 * benchmark's own memory is like that (it looks in pagemap), and a lower
 * bound need not be safe against memory that is not.
 */
static unsigned long contiguous(struct page **pages, unsigned long npages)
{
	unsigned long n = 1;

	if (npages > 1 && pages[1] != pages[0] + 1)
		return 1;
	if (pages[npages - 1] == pages[0] + npages - 1)
		return npages;
	while (n < npages && pages[n] == pages[0] + n)
		n++;
	return n;
}

/* Append @npages from @first to @runs, which has room; the new run count. */
static unsigned int append(struct run *runs, unsigned int nr_runs,
			   struct page *first, unsigned long npages)
{
	if (nr_runs &&
	    runs[nr_runs - 1].first + runs[nr_runs - 1].npages == first) {
		runs[nr_runs - 1].npages += npages;
		return nr_runs;
	}
	runs[nr_runs].first = first;
	runs[nr_runs].npages = npages;
	return nr_runs + 1;
}

static unsigned int append_pages(struct run *runs, unsigned int nr_runs,
				 struct page **pages, unsigned long npages)
{
	unsigned long n;

	for (; npages; pages += n, npages -= n) {
		n = contiguous(pages, npages);
		nr_runs = append(runs, nr_runs, pages[0], n);
	}
	return nr_runs;
}

/* One page is not worth the call that looks for its neighbours. */
static inline void unpin_run(const struct run *run)
{
	struct folio *folio = page_folio(run->first);

	if (run->npages == 1 && folio_test_dirty(folio))
		unpin_folio(folio);
	else
		unpin_user_page_range_dirty_lock(run->first, run->npages, true);
}

static void unpin_runs(const struct run *runs, unsigned int nr_runs)
{
	unsigned int i;

	for (i = 0; i < nr_runs; i++)
		unpin_run(&runs[i]);
}

/*
 * The page size for the next call of the driver, and how many bytes that call
 * can cover before a larger one fits.
 */
static inline size_t next_pgsize(const struct iommu_domain *domain,
				 unsigned long iova, phys_addr_t phys,
				 size_t left, size_t *piece)
{
	unsigned long sizes = domain->pgsize_bitmap;
	unsigned long size, larger, ahead;

	*piece = left;
	if (left == PAGE_SIZE)
		return PAGE_SIZE;
	sizes &= GENMASK(__fls(left), 0);
	larger = sizes & ~((iova | phys) ^ ((iova | phys) - 1));
	size = 1UL << __fls(sizes ^ larger);
	if (larger) {
		larger &= -larger;
		ahead = -iova & (larger - 1);
		if (IS_ALIGNED(iova ^ phys, larger) && left - ahead >= larger)
			*piece = ahead;
	}
	*piece &= ~(size - 1);
	return size;
}

/*
 * The driver is called directly: iommu_map() would sync for every run, where
 * once at the end is enough, and iommu_unmap() adds nothing that is needed.
 */
static inline int map_run(struct iommu_domain *domain, unsigned long iova,
			  const struct run *run)
{
	size_t left = run->npages << PAGE_SHIFT;
	phys_addr_t phys = page_to_phys(run->first);
	size_t pgsize, piece, mapped = 0;
	int rc;

	if (left == PAGE_SIZE)
		return domain->ops->map_pages(domain, iova, phys, PAGE_SIZE, 1,
					      PROT, GFP_KERNEL_ACCOUNT, &mapped);
	do {
		mapped = 0;
		pgsize = next_pgsize(domain, iova, phys, left, &piece);
		rc = domain->ops->map_pages(domain, iova, phys, pgsize,
					    piece / pgsize, PROT,
					    GFP_KERNEL_ACCOUNT, &mapped);
		iova += mapped;
		phys += mapped;
		left -= mapped;
	} while (left && !rc);
	return rc;
}

static void unmap_gather(struct iommu_domain *domain, unsigned long iova,
			 size_t left, struct iommu_iotlb_gather *gather)
{
	size_t pgsize, piece;

	while (left) {
		pgsize = next_pgsize(domain, iova, iova, left, &piece);
		piece = domain->ops->unmap_pages(domain, iova, pgsize,
						 piece / pgsize, gather);
		if (!piece)
			break;
		iova += piece;
		left -= min(left, piece);
	}
}

static void unmap_range(struct iommu_domain *domain, unsigned long iova,
			size_t length)
{
	struct iommu_iotlb_gather gather;

	iommu_iotlb_gather_init(&gather);
	unmap_gather(domain, iova, length, &gather);
	iommu_iotlb_sync(domain, &gather);
}

static int map_runs(struct iommu_domain *domain, unsigned long iova,
		    const struct run *runs, unsigned int nr_runs)
{
	unsigned long pos = iova;
	unsigned int i;
	int rc = 0;

	for (i = 0; i < nr_runs && !rc; i++) {
		rc = map_run(domain, pos, &runs[i]);
		pos += runs[i].npages << PAGE_SHIFT;
	}
	if (!rc && domain->ops->iotlb_sync_map)
		rc = domain->ops->iotlb_sync_map(domain, iova, pos - iova);
	/* What the failed run left unmapped does no harm to an unmap. */
	if (rc)
		unmap_range(domain, iova, pos - iova);
	return rc;
}

static int check_range(const struct floor_io *io, unsigned long max_pages)
{
	if (!io->length || !PAGE_ALIGNED(io->length | io->iova | io->start))
		return -EINVAL;
	if (io->length >> PAGE_SHIFT > max_pages)
		return -EINVAL;
	return 0;
}

static void unpin_huge(const struct run *runs, unsigned int nr_runs)
{
	unsigned long done;
	unsigned int i;

	for (i = 0; i < nr_runs; i++)
		for (done = 0; done < runs[i].npages; done += HUGE_PAGES)
			unpin_user_page_range_dirty_lock(runs[i].first + done,
							 1, true);
}

static void unpin_large(struct floor *floor)
{
	if (floor->nr_folios)
		unpin_folios(floor->folios, floor->nr_folios);
	else if (floor->huge)
		unpin_huge(floor->runs, floor->nr_runs);
	else if (!floor->bar)
		unpin_runs(floor->runs, floor->nr_runs);
	floor->nr_folios = 0;
	floor->nr_runs = 0;
	floor->bar = false;
}

static int pin_by_gup(struct floor *floor, const struct floor_io *io)
{
	unsigned long left = io->length >> PAGE_SHIFT;
	unsigned long addr = io->start;
	long n;

	while (left) {
		n = pin_user_pages_fast(addr, min_t(unsigned long, left, BATCH),
					GUP_FLAGS, floor->batch);
		if (n <= 0) {
			unpin_large(floor);
			return n ? n : -EFAULT;
		}
		floor->nr_runs = append_pages(floor->runs, floor->nr_runs,
					      floor->batch, n);
		addr += n << PAGE_SHIFT;
		left -= n;
	}
	return 0;
}

static int pin_by_huge_page(struct floor *floor, const struct floor_io *io)
{
	unsigned long addr = io->start;
	struct page *page;
	long n;

	if (!IS_ALIGNED(addr | io->length, PMD_SIZE))
		return -EINVAL;
	for (; addr < io->start + io->length; addr += PMD_SIZE) {
		n = pin_user_pages_fast(addr, 1, GUP_FLAGS, &page);
		if (n <= 0) {
			unpin_large(floor);
			return n ? n : -EFAULT;
		}
		floor->nr_runs = append(floor->runs, floor->nr_runs, page,
					HUGE_PAGES);
	}
	return 0;
}

static int pin_by_folio(struct floor *floor, const struct floor_io *io)
{
	unsigned long left = io->length >> PAGE_SHIFT;
	struct file *file = fget(io->fd);
	loff_t pos = io->start;
	unsigned long npages;
	struct folio **folio;
	pgoff_t offset;
	long n = 0;

	if (!file)
		return -EBADF;
	while (left) {
		folio = floor->folios + floor->nr_folios;
		n = memfd_pin_folios(file, pos,
				     pos + ((loff_t)left << PAGE_SHIFT) - 1,
				     folio, min_t(unsigned long, left, BATCH),
				     &offset);
		if (n <= 0)
			break;
		floor->nr_folios += n;
		offset >>= PAGE_SHIFT;
		for (; n; n--, folio++, offset = 0) {
			npages = min(folio_nr_pages(*folio) - offset, left);
			floor->nr_runs = append(floor->runs, floor->nr_runs,
						folio_page(*folio, offset),
						npages);
			pos += npages << PAGE_SHIFT;
			left -= npages;
		}
	}
	fput(file);
	if (left) {
		unpin_large(floor);
		return n ? n : -EFAULT;
	}
	return 0;
}

/* Entries of a table behind one that leads to @pfn that go on where it ends. */
static unsigned long more_ptes(pte_t *pte, unsigned long most,
			       unsigned long pfn)
{
	unsigned long n = 1;

	while (n < most && pte_pfn(ptep_get(pte + n)) == pfn + n)
		n++;
	return n;
}

static unsigned long more_pmds(pmd_t *pmd, unsigned long most,
			       unsigned long pfn)
{
	unsigned long n = 1;

	while (n < most && pmd_pfn(pmdp_get(pmd + n)) == pfn + n * HUGE_PAGES)
		n++;
	return n;
}

/*
 * Bytes that the entry for @addr maps, which is one for @entry bytes, and with it those
 * behind it in the same table, up to @end. One lock is for them all.
 */
static unsigned long entry_bytes(const struct follow_pfnmap_args *args,
				 unsigned long addr, unsigned long end,
				 unsigned long entry)
{
	const unsigned long table = entry * PTRS_PER_PTE;
	unsigned long n = (min(end, (addr & ~(table - 1)) + table) - addr) /
			  entry;
	pud_t *pud;

	if (entry == PUD_SIZE)
		return entry;
	if (entry == PAGE_SIZE)
		return more_ptes(args->ptep, n, args->pfn) * entry;
	pud = pud_offset(p4d_offset(pgd_offset(current->mm, addr), addr), addr);
	return more_pmds(pmd_offset(pud, addr), n, args->pfn) * entry;
}

/*
 * The one run that a BAR is, page by page or by larger entries. Where one has not been
 * touched, the next has not.
 */
static int find_bar(struct floor *floor, const struct floor_io *io)
{
	struct mm_struct *mm = current->mm;
	struct follow_pfnmap_args args = { .address = io->start };
	const unsigned long end = io->start + io->length;
	struct run *run = floor->runs;
	bool touch = false;
	int rc = -EFAULT;

	mmap_read_lock(mm);
	args.vma = vma_lookup(mm, io->start);
	while (args.vma && args.address < end) {
		if (touch || follow_pfnmap_start(&args)) {
			touch = true;
			rc = fixup_user_fault(mm, args.address,
					      FAULT_FLAG_WRITE, NULL);
			if (rc || follow_pfnmap_start(&args))
				break;
		}
		if (args.address == io->start)
			run->first = pfn_to_page(args.pfn);
		args.address += entry_bytes(&args, args.address, end,
					    io->bar_entry);
		follow_pfnmap_end(&args);
	}
	mmap_read_unlock(mm);
	if (args.address < end)
		return rc ?: -EFAULT;
	run->npages = io->length >> PAGE_SHIFT;
	floor->nr_runs = 1;
	return 0;
}

static int floor_map_bar(struct floor *floor, struct floor_io *io)
{
	u64 began = stamp(io), found;
	int rc;

	if (!PAGE_ALIGNED(io->length | io->iova | io->start) || !io->bar_entry)
		return -EINVAL;
	if (floor->length)
		return -EBUSY;
	rc = find_bar(floor, io);
	found = stamp(io);
	if (!rc)
		rc = map_runs(floor->domain, io->iova, floor->runs, 1);
	if (rc) {
		floor->nr_runs = 0;
		return rc;
	}
	floor->bar = true;
	floor->iova = io->iova;
	floor->length = io->length;
	io->runs = 1;
	io->pin_ns = found - began;
	io->iommu_ns = stamp(io) - found;
	return 0;
}

static int floor_map(struct floor *floor, struct floor_io *io, bool by_folio)
{
	u64 began, pinned;
	int rc;

	rc = check_range(io, FLOOR_MAX_PAGES);
	if (rc)
		return rc;
	if (floor->length)
		return -EBUSY;
	began = stamp(io);
	floor->huge = io->flags & FLOOR_HUGE && !by_folio;
	if (by_folio)
		rc = pin_by_folio(floor, io);
	else if (floor->huge)
		rc = pin_by_huge_page(floor, io);
	else
		rc = pin_by_gup(floor, io);
	if (rc)
		return rc;
	pinned = stamp(io);
	rc = map_runs(floor->domain, io->iova, floor->runs, floor->nr_runs);
	if (rc) {
		unpin_large(floor);
		return rc;
	}
	floor->iova = io->iova;
	floor->length = io->length;
	io->runs = floor->nr_runs;
	io->pin_ns = pinned - began;
	io->iommu_ns = stamp(io) - pinned;
	return 0;
}

static int floor_unmap(struct floor *floor, struct floor_io *io)
{
	u64 began, unmapped;

	if (!floor->length)
		return -ENOENT;
	began = stamp(io);
	unmap_range(floor->domain, floor->iova, floor->length);
	floor->length = 0;
	unmapped = stamp(io);
	unpin_large(floor);
	io->iommu_ns = unmapped - began;
	io->pin_ns = stamp(io) - unmapped;
	return 0;
}

static int floor_map_one(struct floor *floor, struct floor_io *io)
{
	struct page *pages[FLOOR_ONE_PAGES];
	u64 began, pinned;
	struct one *one;
	long n;
	int rc;

	rc = check_range(io, FLOOR_ONE_PAGES);
	if (rc)
		return rc;
	if (io->slot >= FLOOR_ONE_SLOTS)
		return -EINVAL;
	one = &floor->ones[io->slot];
	if (one->length)
		return -EBUSY;
	began = stamp(io);
	n = pin_user_pages_fast(io->start, io->length >> PAGE_SHIFT, GUP_FLAGS,
				pages);
	if (n < 0)
		return n;
	one->nr_runs = append_pages(one->runs, 0, pages, n);
	pinned = stamp(io);
	rc = n == io->length >> PAGE_SHIFT ? 0 : -EFAULT;
	if (!rc)
		rc = map_runs(floor->domain, io->iova, one->runs, one->nr_runs);
	if (rc) {
		unpin_runs(one->runs, one->nr_runs);
		return rc;
	}
	one->iova = io->iova;
	one->length = io->length;
	io->runs = one->nr_runs;
	io->pin_ns = pinned - began;
	io->iommu_ns = stamp(io) - pinned;
	return 0;
}

static int floor_unmap_one(struct floor *floor, struct floor_io *io)
{
	u64 began, unmapped;
	struct one *one;

	if (io->slot >= FLOOR_ONE_SLOTS)
		return -EINVAL;
	one = &floor->ones[io->slot];
	if (!one->length)
		return -ENOENT;
	began = stamp(io);
	unmap_range(floor->domain, one->iova, one->length);
	one->length = 0;
	unmapped = stamp(io);
	unpin_runs(one->runs, one->nr_runs);
	io->iommu_ns = unmapped - began;
	io->pin_ns = stamp(io) - unmapped;
	return 0;
}

/* How many of the entries from @i on follow each other on both sides. */
static unsigned int adjacent(const struct floor_batch *args, unsigned int i)
{
	unsigned int n = 1;

	while (i + n < args->nr &&
	       args->entries[i + n].start ==
	       args->entries[i + n - 1].start + PAGE_SIZE &&
	       args->entries[i + n].iova ==
	       args->entries[i + n - 1].iova + PAGE_SIZE)
		n++;
	return n;
}

static int floor_unmap_batch(struct floor *floor)
{
	struct iommu_iotlb_gather gather;
	unsigned long start = ULONG_MAX, last = 0;
	const struct piece *piece;
	unsigned int i;
	size_t length;

	/* The driver would sync whenever a piece does not follow the last. */
	iommu_iotlb_gather_init(&gather);
	gather.queued = true;
	for (i = 0; i < floor->nr_pieces; i++) {
		piece = &floor->pieces[i];
		length = piece->run.npages << PAGE_SHIFT;
		unmap_gather(floor->domain, piece->iova, length, &gather);
		start = min(start, piece->iova);
		last = max(last, piece->iova + length - 1);
	}
	gather.queued = false;
	gather.start = start;
	gather.end = last;
	gather.pgsize = PAGE_SIZE;
	if (floor->nr_pieces)
		iommu_iotlb_sync(floor->domain, &gather);
	for (i = 0; i < floor->nr_pieces; i++)
		unpin_runs(&floor->pieces[i].run, 1);
	floor->nr_pieces = 0;
	return 0;
}

/* Pin @n adjacent pages and map them, as one piece or more. */
static int map_adjacent(struct floor *floor, const struct floor_entry *entry,
			unsigned int n)
{
	struct page **pages = floor->batch;
	unsigned long iova = entry->iova;
	struct piece *piece;
	unsigned long len;
	int rc = 0;
	long got;

	got = pin_user_pages_fast(entry->start, n, GUP_FLAGS, pages);
	if (got <= 0)
		return got ? got : -EFAULT;
	for (n = got; n && !rc; n -= len, pages += len) {
		len = contiguous(pages, n);
		piece = &floor->pieces[floor->nr_pieces++];
		piece->iova = iova;
		piece->run = (struct run){ pages[0], len };
		rc = map_run(floor->domain, iova, &piece->run);
		iova += len << PAGE_SHIFT;
	}
	if (n)
		unpin_user_pages(pages, n);
	return rc;
}

static int floor_map_batch(struct floor *floor, void __user *user)
{
	const struct iommu_domain_ops *ops = floor->domain->ops;
	struct floor_batch *args = &floor->args;
	unsigned int i, n;
	int rc = 0;

	if (floor->nr_pieces)
		return -EBUSY;
	if (copy_from_user(args, user, sizeof(*args)))
		return -EFAULT;
	if (!args->nr || args->nr > FLOOR_BATCH)
		return -EINVAL;
	for (i = 0; i < args->nr && !rc; i += n) {
		n = adjacent(args, i);
		rc = map_adjacent(floor, &args->entries[i], n);
	}
	if (!rc && ops->iotlb_sync_map)
		rc = ops->iotlb_sync_map(floor->domain, args->entries[0].iova,
					 args->entries[args->nr - 1].iova +
					 PAGE_SIZE - args->entries[0].iova);
	if (rc)
		floor_unmap_batch(floor);
	return rc;
}

static int floor_map_again(struct floor *floor, const struct floor_io *io)
{
	const struct one *one;

	if (io->slot >= FLOOR_ONE_SLOTS || !PAGE_ALIGNED(io->iova))
		return -EINVAL;
	one = &floor->ones[io->slot];
	if (!one->length)
		return -ENOENT;
	return map_runs(floor->domain, io->iova, one->runs, 1);
}

static int floor_unmap_again(struct floor *floor, const struct floor_io *io)
{
	if (check_range(io, FLOOR_ONE_PAGES))
		return -EINVAL;
	unmap_range(floor->domain, io->iova, io->length);
	return 0;
}

static long floor_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct floor *floor = file->private_data;
	struct floor_io io;
	int rc;

	if (cmd == FLOOR_EMPTY)
		return 0;
	if (cmd == FLOOR_MAP_BATCH)
		return floor_map_batch(floor, (void __user *)arg);
	if (cmd == FLOOR_UNMAP_BATCH)
		return floor_unmap_batch(floor);
	if (copy_from_user(&io, (void __user *)arg, sizeof(io)))
		return -EFAULT;

	switch (cmd) {
	case FLOOR_MAP:
		rc = floor_map(floor, &io, false);
		break;
	case FLOOR_MAP_FOLIOS:
		rc = floor_map(floor, &io, true);
		break;
	case FLOOR_UNMAP:
		rc = floor_unmap(floor, &io);
		break;
	case FLOOR_MAP_BAR:
		rc = floor_map_bar(floor, &io);
		break;
	case FLOOR_MAP_ONE:
		rc = floor_map_one(floor, &io);
		break;
	case FLOOR_UNMAP_ONE:
		rc = floor_unmap_one(floor, &io);
		break;
	case FLOOR_MAP_AGAIN:
		rc = floor_map_again(floor, &io);
		break;
	case FLOOR_UNMAP_AGAIN:
		rc = floor_unmap_again(floor, &io);
		break;
	default:
		return -ENOTTY;
	}
	if (!rc && io.flags & FLOOR_TIMED &&
	    copy_to_user((void __user *)arg, &io, sizeof(io)))
		return -EFAULT;
	return rc;
}

/* Take @pdev for user DMA and attach a domain of our own to it. */
static int attach(struct floor *floor, struct pci_dev *pdev)
{
	int rc;

	rc = iommu_device_claim_dma_owner(&pdev->dev, floor);
	if (rc)
		return rc;
	floor->domain = iommu_paging_domain_alloc(&pdev->dev);
	if (IS_ERR(floor->domain)) {
		rc = PTR_ERR(floor->domain);
		goto out_release;
	}
	rc = iommu_attach_device(floor->domain, &pdev->dev);
	if (rc)
		goto out_free;
	floor->pdev = pdev;
	return 0;

out_free:
	iommu_domain_free(floor->domain);
out_release:
	iommu_device_release_dma_owner(&pdev->dev);
	return rc;
}

static void detach(struct floor *floor)
{
	iommu_detach_device(floor->domain, &floor->pdev->dev);
	iommu_domain_free(floor->domain);
	iommu_device_release_dma_owner(&floor->pdev->dev);
	pci_dev_put(floor->pdev);
}

/*
 * No driver is bound: the claim alone keeps kernel drivers away, and it works
 * whether or not the device happens to sit with vfio-pci. A device that
 * shares its group is refused by iommu_attach_device(): try the next.
 */
static int attach_any(struct floor *floor)
{
	struct pci_dev *pdev = NULL;
	int rc = -ENODEV;

	while ((pdev = pci_get_device(EDU_VENDOR, EDU_DEVICE, pdev))) {
		rc = attach(floor, pdev);
		if (!rc)
			return 0;
	}
	return rc;
}

static void free_floor(struct floor *floor)
{
	kvfree(floor->ones);
	kvfree(floor->folios);
	kvfree(floor->runs);
	kfree(floor);
}

static struct floor *alloc_floor(void)
{
	struct floor *floor = kzalloc(sizeof(*floor), GFP_KERNEL);

	if (!floor)
		return NULL;
	floor->runs = kvmalloc_array(FLOOR_MAX_PAGES, sizeof(*floor->runs),
				     GFP_KERNEL);
	floor->folios = kvmalloc_array(FLOOR_MAX_PAGES, sizeof(*floor->folios),
				       GFP_KERNEL);
	floor->ones = kvcalloc(FLOOR_ONE_SLOTS, sizeof(*floor->ones),
			       GFP_KERNEL);
	if (!floor->runs || !floor->folios || !floor->ones) {
		free_floor(floor);
		return NULL;
	}
	return floor;
}

static int floor_open(struct inode *inode, struct file *file)
{
	struct floor *floor;
	int rc = -ENOMEM;

	if (test_and_set_bit(0, &floor_busy))
		return -EBUSY;
	floor = alloc_floor();
	if (!floor)
		goto out_busy;
	rc = attach_any(floor);
	if (rc)
		goto out_free;
	file->private_data = floor;
	return 0;

out_free:
	free_floor(floor);
out_busy:
	clear_bit(0, &floor_busy);
	return rc;
}

static int floor_release(struct inode *inode, struct file *file)
{
	struct floor *floor = file->private_data;
	struct floor_io io = {};

	floor_unmap(floor, &io);
	floor_unmap_batch(floor);
	for (io.slot = 0; io.slot < FLOOR_ONE_SLOTS; io.slot++)
		floor_unmap_one(floor, &io);
	detach(floor);
	free_floor(floor);
	clear_bit(0, &floor_busy);
	return 0;
}

static const struct file_operations floor_fops = {
	.owner = THIS_MODULE,
	.open = floor_open,
	.release = floor_release,
	.unlocked_ioctl = floor_ioctl,
};

static struct miscdevice floor_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "floor",
	.fops = &floor_fops,
	.mode = 0600,
};
module_misc_device(floor_misc);

MODULE_DESCRIPTION("Lower bound of the /dev/iommu benchmark");
MODULE_LICENSE("GPL");
