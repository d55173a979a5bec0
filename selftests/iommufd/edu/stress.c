// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads that do everything at random, against a model that knows what every
 * IOVA must translate to.
 *
 * There is one family of IOASes (a root, its child, the child's child), and a
 * root beside it. Each of the threads has a lane of its own in each of them, so
 * it can tell what each of its commands has to answer exactly, while all of
 * them share the IOASes, their locks and page tables, the in-kernel users and
 * the device. Two more threads fight over one lane, where anything may happen
 * but a mishap.
 *
 * What is mapped is checked by the in-kernel users all the time, and by DMA of
 * a device now and then.
 *
 * stress [--seed N] [--steps N]; the seed is printed.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "access.h"
#include "rig.h"
#include "stress_model.h"

/* Steps: each is a command and what it has to answer ----------------------- */

static uint64_t source_of(struct lane *l, const struct mapping *m)
{
	return m->from == NOWHERE ? iommu_ptr(l->mem + m->first * PAGE) :
				    iova_of(l, m->first);
}

/* One that the model knows: sources with a hole are refused often enough. */
static struct mapping pick_likely(struct lane *l, enum space to)
{
	struct mapping m = pick_mapping(l, to);
	unsigned int tries = pick(l, 12);

	while (tries-- && expect_map(l, &m) == -EFAULT)
		m = pick_mapping(l, to);
	return m;
}

static void step_map(struct lane *l)
{
	struct mapping m = pick_likely(l, pick(l, SPACES));
	int want = expect_map(l, &m), rc;

	rc = iommu_map_fixed(l->w->fd, l->w->id[m.to],
			     (void *)(uintptr_t)source_of(l, &m), m.n * PAGE,
			     m.perm, iova_of(l, m.at));
	if (rc != want)
		fail(l, "map", m.to, m.at, m.n, want, rc);
	else if (!rc)
		note_map(l, &m, false);
}

static void step_copy(struct lane *l)
{
	struct mapping m = pick_mapping(l, pick(l, 2) ? ROOT : OTHER);
	int want, rc;

	m.from = pick(l, SPACES);
	m.first = pick(l, LANE - m.n + 1);
	want = expect_copy(l, &m);
	rc = iommu_copy_fixed(l->w->fd, l->w->id[m.to], l->w->id[m.from],
			      iova_of(l, m.first), m.n * PAGE, m.perm,
			      iova_of(l, m.at));
	if (rc != want)
		fail(l, "copy", m.to, m.at, m.n, want, rc);
	else if (!rc)
		note_map(l, &m, true);
}

/* Mostly a range that fits: of whole mappings. */
static unsigned int pick_unmap(struct lane *l, enum space s, unsigned int *n)
{
	unsigned int at = pick_range(l, n);

	if (!pick(l, 4))
		return at;
	while (at && same_area(&l->cell[s][at - 1], &l->cell[s][at]))
		at--, ++*n;
	while (at + *n < LANE && same_area(&l->cell[s][at + *n - 1],
					   &l->cell[s][at + *n]))
		++*n;
	return at;
}

static int expect_unmap(const struct lane *l, enum space s, unsigned int at,
			unsigned int n)
{
	return is_cut(l, s, at, n) || all_free(l, s, at, n) ? -ENOENT : 0;
}

static void step_unmap(struct lane *l)
{
	enum space s = pick(l, SPACES);
	unsigned int n, at = pick_unmap(l, s, &n), pages;
	int want = expect_unmap(l, s, at, n), rc;
	uint64_t bytes = 0;

	rc = iommu_ioas_unmap(l->w->fd, l->w->id[s], iova_of(l, at), n * PAGE,
			      &bytes);
	if (rc != want) {
		fail(l, "unmap", s, at, n, want, rc);
		return;
	}
	if (rc)
		return;
	pages = forget_range(l, s, at, n);
	if (bytes != pages * PAGE)
		fail(l, "bytes unmapped", s, at, n, pages * PAGE, bytes);
}

/* Were the results of a batch those of its entries, one by one? */
static void check_batch(struct lane *l, const char *what, enum space s, int rc,
			uint32_t done, const struct ioasid_batch_entry *e,
			unsigned int n, unsigned int want_done, int want)
{
	unsigned int i;

	if (rc != want) {
		fail(l, what, s, want_done, n, want, rc);
		return;
	}
	if (done != want_done) {
		fail(l, "entries done", s, want_done, n, want_done, done);
		return;
	}
	for (i = 0; i < done; i++)
		if (e[i].error)
			fail(l, what, s, i, n, 0, e[i].error);
	if (want && e[done].error != -want)
		fail(l, what, s, done, n, -want, e[done].error);
}

static void step_map_batch(struct lane *l)
{
	unsigned int n = 2 + pick(l, MAX_BATCH - 1), i, want_done = n;
	struct ioasid_batch_entry e[MAX_BATCH] = { 0 };
	enum space s = pick(l, SPACES);
	uint32_t done = 0;
	int want = 0, rc;

	for (i = 0; i < n; i++) {
		struct mapping m = pick_likely(l, s);

		/* Now and then neighbours, in every respect */
		if (i && pick(l, 3)) {
			m.n = 1;
			m.at = (e[i - 1].iova + e[i - 1].length - l->at) / PAGE;
			if (m.at >= LANE)
				m.at = pick(l, LANE);
		}
		e[i] = (struct ioasid_batch_entry) {
			.src = source_of(l, &m),
			.iova = iova_of(l, m.at),
			.length = m.n * PAGE,
			.flags = m.perm | IOMMU_FIXED,
			.error = -1,
		};
		if (want)
			continue;
		want = expect_map(l, &m);
		if (want)
			want_done = i;
		else
			note_map(l, &m, false);
	}
	rc = iommu_map_batch(l->w->fd, l->w->id[s], e, n, &done);
	check_batch(l, "map batch", s, rc, done, e, n, want_done, want);
}

static void step_unmap_batch(struct lane *l)
{
	unsigned int n = 2 + pick(l, MAX_BATCH - 1), i, want_done = n;
	struct ioasid_batch_entry e[MAX_BATCH] = { 0 };
	uint64_t pages[MAX_BATCH] = { 0 };
	enum space s = pick(l, SPACES);
	uint32_t done = 0;
	int want = 0, rc;

	for (i = 0; i < n; i++) {
		unsigned int len, at = pick_unmap(l, s, &len);

		e[i] = (struct ioasid_batch_entry) {
			.iova = iova_of(l, at),
			.length = len * PAGE,
			.error = -1,
		};
		if (want)
			continue;
		want = expect_unmap(l, s, at, len);
		if (want)
			want_done = i;
		else
			pages[i] = forget_range(l, s, at, len);
	}
	rc = iommu_unmap_batch(l->w->fd, l->w->id[s], e, n, &done);
	check_batch(l, "unmap batch", s, rc, done, e, n, want_done, want);
	for (i = 0; i < want_done; i++)
		if (e[i].length != pages[i] * PAGE)
			fail(l, "bytes of batch", s, i, n, pages[i] * PAGE,
			     e[i].length);
}

/* Does an in-kernel user see and change what it should? */
static void check_cell(struct lane *l, enum space s, unsigned int at,
		       bool write)
{
	const struct cell *c = &l->cell[s][at];
	unsigned int page = c->page == NO_PAGE ? 0 : c->page;
	uint64_t iova = iova_of(l, at) + word_at(page) % PAGE, word = 0;
	int want = 0, rc;

	if (c->page == NO_PAGE)
		want = -ENOENT;
	else if (!(c->perm & (write ? IOMMU_W : IOMMU_R)))
		want = -EPERM;
	if (write && !want)
		word = l->random;
	rc = write ? access_write(l->w->acc[s], iova, &word, 8) :
		     access_read(l->w->acc[s], iova, &word, 8);
	if (rc != want) {
		fail(l, write ? "write" : "read", s, at, 1, want, rc);
		return;
	}
	if (write && !rc)
		l->value[page] = word;
	if (!rc && word != l->value[page])
		fail(l, "contents", s, at, 1, l->value[page], word);
	if (write && wrong_page(l) != NO_PAGE)
		fail(l, "memory after write", s, at, 1, page, wrong_page(l));
}

static void step_read(struct lane *l)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		check_cell(l, pick(l, SPACES), pick(l, LANE), false);
}

static void step_write(struct lane *l)
{
	check_cell(l, pick(l, SPACES), pick(l, LANE), true);
}

static bool all_rw(const struct lane *l, enum space s, unsigned int at,
		   unsigned int n)
{
	while (n--) {
		const struct cell *c = &l->cell[s][at++];

		if (c->page == NO_PAGE || c->perm != IOMMU_RW)
			return false;
	}
	return true;
}

/* Pages that an in-kernel user pins; who unmaps them takes them away. */
static void step_pin(struct lane *l)
{
	enum space s = pick(l, SPACES);
	unsigned int n, at = pick_range(l, &n), i;
	uint64_t pfns[MAX_RUN], want;
	int rc;

	if (!all_rw(l, s, at, n))
		return;
	rc = access_pin_pfns(l->w->acc[s], iova_of(l, at), n * PAGE,
			     ACCESS_WRITE, pfns);
	if (rc) {
		fail(l, "pin", s, at, n, 0, rc);
		return;
	}
	for (i = 0; i < n; i++) {
		want = mem_pfn(l->mem + l->cell[s][at + i].page * PAGE);
		if (pfns[i] != want)
			fail(l, "pinned page", s, at + i, 1, want, pfns[i]);
	}
	if (pick(l, 2)) {
		rc = access_unpin(l->w->acc[s], iova_of(l, at), n * PAGE);
		if (rc)
			fail(l, "unpin", s, at, n, 0, rc);
	}
}

/* An IOVA of the kernel's choice, which is nobody else's. */
static void step_auto(struct lane *l)
{
	unsigned int page = pick(l, PAGES);
	enum space s = pick(l, 2) ? ROOT : OTHER;
	uint64_t iova = 0, word = 0;
	int rc;

	rc = iommu_map_auto(l->w->fd, l->w->id[s], l->mem + page * PAGE, PAGE,
			    IOMMU_RW, &iova);
	if (rc || iova < AUTO_AT || iova > AUTO_END) {
		fail(l, "chosen IOVA", s, page, 1, 0, rc);
		return;
	}
	rc = access_read(l->w->acc[s], iova + word_at(page) % PAGE, &word, 8);
	if (rc || word != l->value[page])
		fail(l, "contents at chosen IOVA", s, page, 1, 0, rc);
	rc = iommu_ioas_unmap(l->w->fd, l->w->id[s], iova, PAGE, NULL);
	if (rc)
		fail(l, "unmap of chosen IOVA", s, page, 1, 0, rc);
}

/* A child of its own, for a moment. */
static void step_family(struct lane *l)
{
	enum space s = pick(l, SPACES);
	unsigned int at = pick(l, LANE);
	const struct cell *c = &l->cell[s][at];
	uint64_t word = 0;
	uint32_t id;
	int acc, rc;

	if (c->page == NO_PAGE || !(c->perm & IOMMU_R))
		return;
	rc = iommu_alloc_nested(l->w->fd, l->w->id[s], &id);
	if (!rc)
		rc = iommu_map_fixed(l->w->fd, id,
				     (void *)(uintptr_t)iova_of(l, at), PAGE,
				     IOMMU_R, l->at);
	if (rc) {
		fail(l, "own child", s, at, 1, 0, rc);
		return;
	}
	acc = access_open_attached(l->w->fd, id);
	rc = access_read(acc, l->at + word_at(c->page) % PAGE, &word, 8);
	if (rc || word != l->value[c->page])
		fail(l, "contents of own child", s, at, 1, 0, rc);
	close(acc);
	rc = iommu_destroy(l->w->fd, id);
	if (rc)
		fail(l, "destroy of own child", s, at, 1, 0, rc);
}

/* Another descriptor, closed with all that is in it. */
static void step_close(struct lane *l)
{
	struct ioasid_batch_entry e[2] = {
		{ .src = iommu_ptr(l->mem), .iova = PAGE, .length = 2 * PAGE,
		  .flags = IOMMU_RW | IOMMU_FIXED },
		{ .src = iommu_ptr(l->mem + 2 * PAGE), .iova = 3 * PAGE,
		  .length = PAGE, .flags = IOMMU_RW | IOMMU_FIXED },
	};
	int fd = iommu_open(), acc = -1, rc;
	uint32_t root = 0, child = 0;
	bool first = pick(l, 2);

	rc = fd < 0 ? fd : iommu_ioas_alloc(fd, &root) ?:
	     iommu_alloc_nested(fd, root, &child) ?:
	     iommu_map_batch(fd, root, e, 2, NULL) ?:
	     iommu_map_fixed(fd, child, (void *)PAGE, 3 * PAGE, IOMMU_RW, 0);
	if (!rc) {
		acc = access_open_attached(fd, child);
		rc = acc < 0 ? acc : access_pin(acc, PAGE, 2 * PAGE, 0);
	}
	if (rc)
		fail(l, "another descriptor", NOWHERE, 0, 0, 0, rc);
	if (first && fd >= 0)
		close(fd);
	if (acc >= 0)
		close(acc);
	if (!first && fd >= 0)
		close(fd);
}

/* The device --------------------------------------------------------------- */

static void step_attach(struct lane *l)
{
	struct world *w = l->w;
	enum space to = pick(l, 8) ? pick(l, SPACES) : NOWHERE;
	int rc = 0;

	pthread_mutex_lock(&w->device);
	if (to != NOWHERE && w->attached == NOWHERE)
		rc = vfio_attach(w->edu->fd, w->id[to], NULL);
	else if (to != NOWHERE)
		rc = rig_move(w->edu->fd, w->id[to]);
	else if (w->attached != NOWHERE)
		rc = vfio_detach(w->edu->fd);
	w->attached = to;
	pthread_mutex_unlock(&w->device);
	if (rc)
		fail(l, "attach", to, 0, 0, 0, rc);
}

/*
 * The device writes its word to a page: it shows in page @want of the memory,
 * or with NO_PAGE nowhere. @was is where it would go if that went wrong.
 */
static void strike(struct lane *l, enum space s, unsigned int at, int want,
		   int was)
{
	unsigned int page = want != NO_PAGE ? want : was != NO_PAGE ? was : 0;
	uint64_t iova = iova_of(l, at) + word_at(page) % PAGE;
	int rc = edu_write(l->w->edu, iova, 8), wrong;

	l->w->checks++;
	l->w->hits += want != NO_PAGE;
	if (rc)
		fail(l, "DMA", s, at, 1, 0, rc);
	if (want != NO_PAGE)
		l->value[page] = l->w->word;
	wrong = wrong_page(l);
	if (wrong != NO_PAGE)
		fail(l, want == NO_PAGE ? "DMA that is not permitted" :
			"memory after DMA", s, at, 1, want, wrong);
	set_word(l, page);
}

/* The first page of a mapping, and its length. */
static unsigned int find_area(const struct lane *l, enum space s, uint32_t area,
			      unsigned int *n)
{
	const struct cell *c = l->cell[s];
	unsigned int at = 0;

	while (at < LANE && (c[at].page == NO_PAGE || c[at].area != area))
		at++;
	for (*n = 1; at + *n < LANE && same_area(&c[at], &c[at + *n]);)
		++*n;
	return at;
}

/* The mapping goes where it is, or where it has come from. */
static void take_away(struct lane *l, enum space s, unsigned int at)
{
	unsigned int n;
	int rc;

	at = find_area(l, s, l->cell[s][at].area, &n);
	while (parent_of[s] != NOWHERE && pick(l, 2)) {
		uint32_t source = l->cell[s][at].source;

		s = parent_of[s];
		at = find_area(l, s, source, &n);
	}
	rc = iommu_ioas_unmap(l->w->fd, l->w->id[s], iova_of(l, at), n * PAGE,
			      NULL);
	if (rc)
		fail(l, "unmap after DMA", s, at, n, 0, rc);
	forget_range(l, s, at, n);
}

/*
 * Either at what may be written to, which then may be unmapped, when the IOTLB
 * knows it; or at something else.
 */
static void step_dma(struct lane *l)
{
	struct world *w = l->w;
	const bool wanted = pick(l, 3);
	const struct cell *c;
	unsigned int at, i;
	enum space s;
	bool hit;
	int page;

	pthread_mutex_lock(&w->device);
	s = w->attached;
	for (i = 0; i < 5 * LANE; i++) {
		at = pick(l, LANE);
		c = &l->cell[s == NOWHERE ? ROOT : s][at];
		if (wanted ? c->page != NO_PAGE && (c->perm & IOMMU_W) :
			     c->page == NO_PAGE && c->was != NO_PAGE)
			break;
	}
	hit = s != NOWHERE && c->page != NO_PAGE && (c->perm & IOMMU_W);
	page = c->page != NO_PAGE ? c->page : c->was;
	strike(l, s, at, hit ? page : NO_PAGE, page);
	if (hit && pick(l, 2)) {
		take_away(l, s, at);
		strike(l, s, at, NO_PAGE, page);
	}
	pthread_mutex_unlock(&w->device);
}

typedef void (*step_fn)(struct lane *l);

static const step_fn kinds[] = {
	step_map, step_map, step_map, step_map, step_map, step_map,
	step_map_batch, step_map_batch, step_unmap, step_unmap,
	step_unmap_batch, step_copy, step_read, step_read, step_write,
	step_pin, step_auto, step_family, step_attach, step_close,
};

static void *lane_fn(void *arg)
{
	struct lane *l = arg;
	unsigned int often = steps / DMA_CHECKS ?: 1;

	for (l->step = 0; l->step < steps && !stopped(l->w); l->step++) {
		if (l->step % often == often - 1)
			step_dma(l);
		else
			kinds[pick(l, sizeof(kinds) / sizeof(*kinds))](l);
	}
	return NULL;
}

/* The lane that two fight over --------------------------------------------- */

static bool may_be(int rc)
{
	switch (rc) {
	case 0:
	case -EEXIST:
	case -ENOENT:
	case -EBUSY:
	case -EFAULT:
	case -EPERM:
		return true;
	default:
		return false;
	}
}

static int fight(struct lane *l)
{
	struct mapping m = pick_mapping(l, pick(l, SPACES));
	uint32_t id = l->w->id[m.to];
	struct ioasid_batch_entry e[3] = { 0 };
	uint64_t word;
	unsigned int i;

	switch (pick(l, 7)) {
	case 0:
	case 1:
		return iommu_map_fixed(l->w->fd, id,
				       (void *)(uintptr_t)source_of(l, &m),
				       m.n * PAGE, m.perm, iova_of(l, m.at));
	case 2:
		return iommu_ioas_unmap(l->w->fd, id, iova_of(l, m.at),
					m.n * PAGE, NULL);
	case 3:
		for (i = 0; i < 3; i++) {
			e[i].src = source_of(l, &m);
			e[i].iova = iova_of(l, (m.at + i * 7) % (LANE - 6));
			e[i].length = PAGE;
			e[i].flags = IOMMU_RW | IOMMU_FIXED;
		}
		return iommu_map_batch(l->w->fd, id, e, 3, NULL);
	case 4:
		for (i = 0; i < 3; i++) {
			e[i].iova = iova_of(l, (m.at + i * 7) % (LANE - 6));
			e[i].length = MAX_RUN * PAGE;
		}
		return iommu_unmap_batch(l->w->fd, id, e, 3, NULL);
	case 5:
		m.to = pick(l, 2) ? ROOT : OTHER;
		return iommu_copy_fixed(l->w->fd, l->w->id[m.to], id,
					iova_of(l, m.first), m.n * PAGE,
					IOMMU_R, iova_of(l, m.at));
	default:
		return access_read(l->w->acc[m.to], iova_of(l, m.at), &word,
				   8);
	}
}

static void *fighter_fn(void *arg)
{
	struct lane *l = arg;

	for (l->step = 0; l->step < steps && !stopped(l->w); l->step++) {
		int rc = fight(l);

		/* EINVAL: somebody reads what is being unmapped */
		if (!may_be(rc) && rc != -EINVAL)
			fail(l, "fight", NOWHERE, 0, 0, 0, rc);
	}
	return NULL;
}

/* Beginning and end -------------------------------------------------------- */

FIXTURE(stress)
{
	struct rig rig;
	struct world w;
	struct lane lanes[THREADS + FIGHTERS];
	long pinned;
};

static int open_spaces(struct world *w)
{
	const struct iommu_iova_range autos = { AUTO_AT, AUTO_END };
	int rc, i;

	rc = iommu_ioas_alloc(w->fd, &w->id[OTHER]) ?:
	     iommu_alloc_nested(w->fd, w->id[ROOT], &w->id[CHILD]) ?:
	     iommu_alloc_nested(w->fd, w->id[CHILD], &w->id[GRAND]) ?:
	     iommu_allow_iovas(w->fd, w->id[ROOT], &autos, 1) ?:
	     iommu_allow_iovas(w->fd, w->id[OTHER], &autos, 1);
	for (i = 0; i < SPACES && !rc; i++) {
		w->acc[i] = access_open_attached(w->fd, w->id[i]);
		if (w->acc[i] < 0)
			rc = w->acc[i];
	}
	return rc;
}

/* The device gets the word that it will write. */
static int load_device(struct world *w)
{
	uint64_t *load = mem_anon(PAGE);
	int rc;

	if (!load)
		return -ENOMEM;
	w->word = *load = 0x646576696365ULL;
	rc = iommu_map_fixed(w->fd, w->id[ROOT], load, PAGE, IOMMU_R,
			     LOAD_AT) ?:
	     vfio_attach(w->edu->fd, w->id[ROOT], NULL) ?:
	     edu_read(w->edu, LOAD_AT, 8) ?:
	     iommu_ioas_unmap(w->fd, w->id[ROOT], LOAD_AT, PAGE, NULL);
	w->attached = ROOT;
	mem_free(load, PAGE);
	return rc;
}

static int open_lane(struct lane *l, struct world *w, unsigned int nr)
{
	unsigned int i, k;

	l->w = w;
	l->nr = nr;
	l->random = seed + 0x9e3779b97f4a7c15 * (nr + 1);
	/* The fighters have the same one */
	l->at = nr < THREADS ? LANES_AT + nr * LANE * PAGE : FIGHT_AT;
	l->mem = alloc_memory(nr);
	if (!l->mem)
		return -ENOMEM;
	for (i = 0; i < PAGES; i++) {
		pick(l, 1);
		set_word(l, i);
	}
	for (i = 0; i < SPACES; i++)
		for (k = 0; k < LANE; k++)
			l->cell[i][k].page = l->cell[i][k].was = NO_PAGE;
	return 0;
}

FIXTURE_SETUP(stress)
{
	struct world *w = &self->w;
	unsigned int i;

	for (i = 0; i < SPACES; i++)
		w->acc[i] = -1;
	NEED_ACCESS;
	ASSERT_EQ(0, rig_open(&self->rig));
	if (!iommu_has_cmd(self->rig.fd, IOASID_ALLOC_NESTED))
		SKIP(return, "no IOASID_ALLOC_NESTED in this module");
	w->fd = self->rig.fd;
	w->edu = &self->rig.edu;
	w->id[ROOT] = self->rig.ioas;
	pthread_mutex_init(&w->device, NULL);
	ASSERT_EQ(0, open_spaces(w));
	ASSERT_EQ(0, load_device(w));
	for (i = 0; i < THREADS + FIGHTERS; i++)
		ASSERT_EQ(0, open_lane(&self->lanes[i], w, i));
	self->pinned = mem_pinned();
}

FIXTURE_TEARDOWN(stress)
{
	unsigned int i;

	for (i = 0; i < SPACES; i++)
		if (self->w.acc[i] >= 0)
			close(self->w.acc[i]);
	EXPECT_EQ(0, rig_close(&self->rig));
	EXPECT_EQ(0, mem_vm_pin(0));
}

/* Pages of a space that the model has, of all lanes. */
static unsigned long long pages_in(struct _test_data_stress *self, enum space s)
{
	unsigned long long count = 0;
	unsigned int i, k;

	for (i = 0; i < THREADS; i++)
		for (k = 0; k < LANE; k++)
			count += self->lanes[i].cell[s][k].page != NO_PAGE;
	return count;
}

static void run_threads(struct _test_data_stress *self)
{
	unsigned int i;

	printf("# stress: seed %llu, %u steps\n", (unsigned long long)seed,
	       steps);
	fflush(stdout);
	for (i = 0; i < THREADS + FIGHTERS; i++)
		pthread_create(&self->lanes[i].thread, NULL,
			       i < THREADS ? lane_fn : fighter_fn,
			       &self->lanes[i]);
	for (i = 0; i < THREADS + FIGHTERS; i++)
		pthread_join(self->lanes[i].thread, NULL);
}

TEST_F(stress, threads)
{
	/* Children first: who comes later must not take them along */
	static const enum space order[] = { GRAND, CHILD, OTHER, ROOT };
	struct world *w = &self->w;
	unsigned int i, k, s;

	run_threads(self);
	ASSERT_FALSE(w->stop);
	TH_LOG("%u DMAs, %u of them permitted", w->checks, w->hits);
	TH_LOG("pages of root, other, child, grand: %llu %llu %llu %llu",
	       pages_in(self, ROOT), pages_in(self, OTHER),
	       pages_in(self, CHILD), pages_in(self, GRAND));
	EXPECT_LT(0, w->hits);

	/* All of it, once more, when nothing moves any more */
	for (i = 0; i < THREADS; i++)
		for (s = 0; s < SPACES; s++)
			for (k = 0; k < LANE; k++)
				check_cell(&self->lanes[i], s, k, false);
	ASSERT_FALSE(w->stop);
	for (i = 0; i < SPACES; i++) {
		uint64_t bytes = 0, want;
		int rc;

		s = order[i];
		rc = iommu_ioas_unmap(w->fd, w->id[s], FIGHT_AT, LANE * PAGE,
				      NULL);
		EXPECT_TRUE(rc == 0 || rc == -ENOENT);
		want = pages_in(self, s) * PAGE;
		EXPECT_EQ(0, iommu_unmap_all(w->fd, w->id[s], &bytes));
		EXPECT_EQ(want, bytes);
	}
	EXPECT_EQ(self->pinned, mem_wait_pinned(self->pinned));
}

/* Closed with everything that is mapped, pinned and attached then. */
TEST_F(stress, threads_then_close)
{
	seed++;
	steps /= 2;
	run_threads(self);
	ASSERT_FALSE(self->w.stop);
}

/* Takes "--seed N" and "--steps N" out of the arguments. */
static int own_arguments(int argc, char **argv)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	seed = t.tv_nsec / 1000 + t.tv_sec * 1000000;
	steps = mem_debug_kernel() ? 300 : 2000;
	while (argc > 2) {
		if (!strcmp(argv[1], "--seed"))
			seed = strtoull(argv[2], NULL, 0);
		else if (!strcmp(argv[1], "--steps"))
			steps = strtoul(argv[2], NULL, 0);
		else
			break;
		memmove(&argv[1], &argv[3], (argc - 2) * sizeof(*argv));
		argc -= 2;
	}
	return argc;
}

int main(int argc, char **argv)
{
	argc = own_arguments(argc, argv);
	access_module_load();
	return test_harness_run(argc, argv);
}
