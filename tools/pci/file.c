// SPDX-License-Identifier: GPL-2.0-only
#include "pci/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zlib.h>

#include "output.h"

#define CHUNK (256UL << 10)

/* What zlib does not undo, by how it begins. */
static const struct {
	const char *bytes;
	size_t size;
	const char *name;
} others[] = {
	{ "\xfd" "7zXZ", 5, "xz" }, { "\x28\xb5\x2f\xfd", 4, "zstd" },
	{ "BZh", 3, "bzip2" }, { "PK\x03\x04", 4, "zip" },
	{ "7z\xbc\xaf", 4, "7z" }, { "\x04\x22\x4d\x18", 4, "lz4" },
};

static void refuse_others(const struct file_text *text, const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (text->size >= others[i].size &&
		    !memcmp(text->bytes, others[i].bytes, others[i].size))
			fail(STATUS_FAILED, "%s is compressed by %s, which is not undone here: uncompress it first (gzip is)",
			     name, others[i].name);
}

/* A descriptor of its own, which gzclose() closes. */
static int open_file(const char *name)
{
	struct stat st;
	int fd = strcmp(name, "-") ? open(name, O_RDONLY | O_CLOEXEC) :
				     fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);

	if (fd < 0 || fstat(fd, &st))
		fail(STATUS_FAILED, "cannot read the dump %s: %s", name,
		     strerror(errno));
	if (S_ISDIR(st.st_mode))
		fail(STATUS_FAILED, "cannot read the dump %s: it is a directory",
		     name);
	return fd;
}

/**
 * file_read() - read a file
 * @text: where to put it; its bytes are to be freed
 * @name: of the file, "-" for standard input
 *
 * gzip is undone.  Of a file that breaks off, what was there counts.  Does not
 * return if there is nothing to be read, or more than FILE_LIMIT.
 */
void file_read(struct file_text *text, const char *name)
{
	gzFile file = gzdopen(open_file(name), "rb");
	size_t room = 0;
	int got, error;

	*text = (struct file_text){ };
	if (!file)
		fail(STATUS_FAILED, "out of memory");
	gzbuffer(file, CHUNK);
	do {
		if (room - text->size < CHUNK + 1) {
			room = 2 * room + 2 * CHUNK;
			text->bytes = xrealloc(text->bytes, room, 1);
		}
		got = gzread(file, text->bytes + text->size, CHUNK);
		if (got > 0)
			text->size += got;
		if (text->size > FILE_LIMIT)
			fail(STATUS_FAILED, "%s is no dump of one machine: it has more than %lu MiB",
			     name, FILE_LIMIT >> 20);
	} while (got > 0);
	text->bytes[text->size] = '\0';
	gzerror(file, &error);
	if (error == Z_ERRNO && !text->size)
		fail(STATUS_FAILED, "cannot read the dump %s: %s", name,
		     strerror(errno));
	text->broken = error != Z_OK && error != Z_STREAM_END;
	gzclose(file);
	refuse_others(text, name);
}
