// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "iosim.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "file.h"

#define DIRECTORY IOSIM_CONFIGFS "/iosim"
#define NR_MODULES (sizeof(modules) / sizeof(modules[0]))

/* In the order of loading. */
static struct {
	const char *name;
	const char *in_kernel;
	bool stays;
	bool loaded_here;
} modules[] = {
	{ "configfs", "configfs", true, false },
	{ "iosim", "iosim", false, false },
	{ "iosim-devices", "iosim_devices", false, false },
};

static char reason[160];

/* Modules ------------------------------------------------------------------ */

static int load_file(const char *directory, const char *name)
{
	char path[128];
	int fd, rc = 0;

	snprintf(path, sizeof(path), "%s/%s.ko", directory, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (syscall(SYS_finit_module, fd, "", 0))
		rc = -errno;
	close(fd);
	return rc;
}

static int load(const char *name)
{
	int rc = load_file("/modules", name);

	return rc == -ENOENT ? load_file("/files", name) : rc;
}

static int mount_configfs(void)
{
	if (!mount("none", IOSIM_CONFIGFS, "configfs", 0, NULL))
		return 0;
	return errno == EBUSY ? 0 : -errno;
}

/* A built-in configfs has no module. */
static bool is_there(const char *name)
{
	return !strcmp(name, "configfs") && !access(IOSIM_CONFIGFS, F_OK);
}

/**
 * iosim_load() - load the simulator, unless it is there
 *
 * What it has loaded is unloaded when the program ends. A program calls it before
 * its tests. The reason of a failure is kept for iosim_why_not(), so that tests can
 * skip with it.
 */
void iosim_load(void)
{
	unsigned int i;
	int rc;

	reason[0] = '\0';
	for (i = 0; i < NR_MODULES; i++) {
		if (is_there(modules[i].name))
			continue;
		rc = load(modules[i].name);
		modules[i].loaded_here = !rc;
		if (rc && rc != -EEXIST) {
			snprintf(reason, sizeof(reason),
				 "module %s not loaded: %s", modules[i].name,
				 rc == -ENOENT ? "no such file" :
						 strerror(-rc));
			break;
		}
	}
	if (!reason[0]) {
		rc = mount_configfs();
		if (rc)
			snprintf(reason, sizeof(reason), "configfs: %s",
				 strerror(-rc));
	}
}

/**
 * iosim_unload() - unload what iosim_load() has loaded
 *
 * Ends the program if that is not possible: something is left that uses it.
 */
void iosim_unload(void)
{
	unsigned int i;

	for (i = NR_MODULES; i-- > 0;) {
		if (modules[i].stays || !modules[i].loaded_here)
			continue;
		if (syscall(SYS_delete_module, modules[i].in_kernel,
			    O_NONBLOCK)) {
			printf("# cannot unload %s: %s\n", modules[i].name,
			       strerror(errno));
			fflush(stdout);
			_exit(1);
		}
		modules[i].loaded_here = false;
	}
}

/* NULL if the simulator is there; else why not. */
const char *iosim_why_not(void)
{
	return reason[0] ? reason : NULL;
}

/* Devices ------------------------------------------------------------------ */

static void attribute_path(char *path, size_t size, const char *name,
			   const char *attribute)
{
	snprintf(path, size, DIRECTORY "/%s/%s", name, attribute);
}

/* Set an attribute of a device in configfs. */
int iosim_set(const char *name, const char *attribute, const char *value)
{
	char path[160];

	attribute_path(path, sizeof(path), name, attribute);
	return file_write(path, value);
}

static int read_line(const char *path, char *value, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc = 0;
	ssize_t length;

	if (fd < 0)
		return -errno;
	length = read(fd, value, size - 1);
	if (length < 0)
		rc = -errno;
	close(fd);
	if (rc)
		return rc;
	value[length] = '\0';
	value[strcspn(value, "\n")] = '\0';
	return 0;
}

/* Read an attribute of a device in configfs, without the end of the line. */
int iosim_get(const char *name, const char *attribute, char *value, size_t size)
{
	char path[160];

	attribute_path(path, sizeof(path), name, attribute);
	return read_line(path, value, size);
}

/* A counter of iosim.h, "walks" for example; or -errno. */
int64_t iosim_counter(const char *name, const char *counter)
{
	char value[32];
	int rc = iosim_get(name, counter, value, sizeof(value));

	return rc ? rc : strtoll(value, NULL, 10);
}

/* Set attributes that are given like "pasid_bits=8 pri=1". */
static int set_attributes(const char *name, const char *attributes)
{
	char text[256], *rest = text, *attribute, *value;
	int rc;

	snprintf(text, sizeof(text), "%s", attributes);
	while ((attribute = strsep(&rest, " "))) {
		if (!*attribute)
			continue;
		value = attribute;
		strsep(&value, "=");
		rc = iosim_set(name, attribute, value ? value : "");
		if (rc)
			return rc;
	}
	return 0;
}

/**
 * iosim_create_unplugged() - make a device, which nobody sees yet
 * @name: of its directory in configfs; if there is one, it is removed first
 * @attributes: like "pasid_bits=8 pri=1", see iosim.h
 */
int iosim_create_unplugged(const char *name, const char *attributes)
{
	char path[128];
	int rc;

	attribute_path(path, sizeof(path), name, "");
	iosim_destroy(name);
	if (mkdir(path, 0755))
		return -errno;
	rc = set_attributes(name, attributes);
	if (rc)
		iosim_destroy(name);
	return rc;
}

/**
 * iosim_create() - make a device and plug it in
 * @name: as for iosim_create_unplugged()
 * @attributes: likewise
 */
int iosim_create(const char *name, const char *attributes)
{
	int rc = iosim_create_unplugged(name, attributes);

	if (rc)
		return rc;
	rc = iosim_plug(name);
	if (rc)
		iosim_destroy(name);
	return rc;
}

int iosim_plug(const char *name)
{
	return iosim_set(name, "plugged", "1");
}

/* Pull the device out. Waits until it is closed. */
int iosim_unplug(const char *name)
{
	return iosim_set(name, "plugged", "0");
}

/* Pull the device out if it is in, and remove its directory. */
int iosim_destroy(const char *name)
{
	char path[128];

	attribute_path(path, sizeof(path), name, "");
	if (access(path, F_OK))
		return -ENOENT;
	iosim_unplug(name);
	return rmdir(path) ? -errno : 0;
}

/* The VFIO cdev of the device whose directory in sysfs is given; an open fd. */
static int open_cdev(const char *directory)
{
	struct dirent *entry;
	int number = -1, fd;
	char path[288];
	DIR *dir;

	snprintf(path, sizeof(path), "%s/vfio-dev", directory);
	dir = opendir(path);
	if (!dir)
		return -ENODEV;
	while ((entry = readdir(dir)))
		if (sscanf(entry->d_name, "vfio%d", &number) == 1)
			break;
	closedir(dir);
	if (number < 0)
		return -ENODEV;
	snprintf(path, sizeof(path), "/dev/vfio/devices/vfio%d", number);
	fd = open(path, O_RDWR | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Where the device is in sysfs. */
static int device_path(const char *name, char *path, size_t size)
{
	char device[64];
	int rc = iosim_get(name, "device", device, sizeof(device));

	if (!rc)
		snprintf(path, size, IOSIM_DEVICES "/%s", device);
	return rc;
}

/* Open the VFIO cdev of an engine. */
int iosim_cdev(const char *name)
{
	char path[128];
	int rc = device_path(name, path, sizeof(path));

	return rc ? rc : open_cdev(path);
}

/* The number of the device's IOMMU group. */
int iosim_group(const char *name)
{
	char path[128], link[160], target[256];
	ssize_t length;
	int rc = device_path(name, path, sizeof(path));

	if (rc)
		return rc;
	snprintf(link, sizeof(link), "%s/iommu_group", path);
	length = readlink(link, target, sizeof(target) - 1);
	if (length < 0)
		return -errno;
	target[length] = '\0';
	return atoi(basename(target));
}

/* Sub-devices -------------------------------------------------------------- */

/* sysfs puts the name of the parent's driver before the name of the type. */
static bool is_type(const char *entry, const char *type)
{
	size_t length = strlen(entry), wanted = strlen(type);

	return length >= wanted && !strcmp(entry + length - wanted, type);
}

/**
 * iosim_subdevice_create() - make a mediated device
 * @parent: a device of the kind "parent", plugged in
 * @type: IOSIM_LOCAL or IOSIM_GLOBAL
 * @uuid: its name
 */
int iosim_subdevice_create(const char *parent, const char *type,
			   const char *uuid)
{
	char path[128], types[160], create[480] = "";
	struct dirent *entry;
	DIR *dir;
	int rc = device_path(parent, path, sizeof(path));

	if (rc)
		return rc;
	snprintf(types, sizeof(types), "%s/mdev_supported_types", path);
	dir = opendir(types);
	if (!dir)
		return -errno;
	while ((entry = readdir(dir)))
		if (is_type(entry->d_name, type))
			snprintf(create, sizeof(create), "%s/%s/create", types,
				 entry->d_name);
	closedir(dir);
	return create[0] ? file_write(create, uuid) : -ENOENT;
}

/* Remove a mediated device. Waits until it is closed. */
int iosim_subdevice_remove(const char *uuid)
{
	char path[128];

	snprintf(path, sizeof(path), IOSIM_SUBDEVICES "/%s/remove", uuid);
	return file_write(path, "1");
}

/* Open the VFIO cdev of a mediated device. */
int iosim_subdevice_cdev(const char *uuid)
{
	char path[128];

	snprintf(path, sizeof(path), IOSIM_SUBDEVICES "/%s", uuid);
	return open_cdev(path);
}

/* Let the parent's kernel driver do DMA of its own. -EIO: wrong data. */
int iosim_dma_check(const char *parent)
{
	char path[128], file[160];
	int rc = device_path(parent, path, sizeof(path));

	if (rc)
		return rc;
	snprintf(file, sizeof(file), "%s/dma_check", path);
	return file_write(file, "1");
}
