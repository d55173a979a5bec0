// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host bridge: a PCI domain for the simulated functions.
 *
 * A function is plugged in as the firmware of a machine and a hot-plug controller would do
 * it together: the buses below a port have their numbers, and its window its size, before
 * the kernel looks; the addresses are given out by the kernel.
 *
 * The IOMMU core looks at a device when it is added, and finds its IOMMU by what somebody
 * has told it before. Nobody can be in between but another listener of the same
 * notification, who comes earlier in its chain.
 *
 * Removing a device waits until its driver has let go of it, VFIO for its user: before the
 * lock is taken that all hot-plugging of PCI needs.
 */
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include "controller.h"
#include "function.h"
#include "host.h"
#include "memory.h"

/* Of a root port: for itself, a switch, and the ports of that. */
#define ROOT_PORT_BUSES	16

/* Windows of ports, which hold the BARs below them; a bridge can have multiples of 1 MiB. */
#define WINDOW_UNIT	SZ_1M
#define PREF_WINDOW	(PCI_BRIDGE_RESOURCES + 2)

static unsigned int domain = 0x1000;
module_param_named(pci_domain, domain, uint, 0444);
MODULE_PARM_DESC(pci_domain, "number of the PCI domain of simulated functions");

/**
 * struct socket - a function, as it is plugged in
 * @plugged: for configfs
 * @function: the function
 */
struct socket {
	struct plugged plugged;
	struct function *function;
};

/**
 * struct host - the bridge
 * @sysdata: what x86 knows a domain by
 * @buses: their numbers
 * @bus: the root bus, or NULL
 * @lock: who plugs in and who removes the bridge, one after the other
 * @nr: functions
 * @fewer: there are fewer functions
 */
struct host {
	struct pci_sysdata sysdata;
	struct resource buses;
	struct pci_bus *bus;
	struct mutex lock;
	atomic_t nr;
	wait_queue_head_t fewer;
};

static struct host host = {
	.buses = {
		.name = "iosim buses",
		.start = 0,
		.end = 0xff,
		.flags = IORESOURCE_BUS,
	},
	.lock = __MUTEX_INITIALIZER(host.lock),
	.fewer = __WAIT_QUEUE_HEAD_INITIALIZER(host.fewer),
};

/* Configuration cycles ------------------------------------------------------- */

static int host_read(struct pci_bus *bus, unsigned int devfn, int where,
		     int size, u32 *value)
{
	struct function *function;
	unsigned long flags;

	raw_spin_lock_irqsave(&function_lock, flags);
	function = function_find(bus->number, devfn);
	if (function)
		function_read(function, where, size, value);
	else
		*value = ~0U;
	raw_spin_unlock_irqrestore(&function_lock, flags);
	return PCIBIOS_SUCCESSFUL;
}

static int host_write(struct pci_bus *bus, unsigned int devfn, int where,
		      int size, u32 value)
{
	struct function *function;
	unsigned long flags;

	raw_spin_lock_irqsave(&function_lock, flags);
	function = function_find(bus->number, devfn);
	if (function)
		function_write(function, where, size, value);
	raw_spin_unlock_irqrestore(&function_lock, flags);
	return PCIBIOS_SUCCESSFUL;
}

static struct pci_ops ops = {
	.read = host_read,
	.write = host_write,
};

/* Devices that are added ------------------------------------------------------ */

static void introduce(struct pci_dev *pdev)
{
	struct function *function;
	unsigned long flags;

	raw_spin_lock_irqsave(&function_lock, flags);
	function = function_find(pdev->bus->number, pdev->devfn);
	if (function)
		function->pdev = pdev;
	raw_spin_unlock_irqrestore(&function_lock, flags);
	if (!function)
		return;
	if (iosim_pci_describe(function->endpoint, pdev))
		pci_err(pdev, "no memory: it is behind no IOMMU\n");
	dev_set_msi_domain(&pdev->dev,
			   controller_domain(function->config.isolated_msi));
}

/* By the device: somebody may have written to the buses of the ports above. */
static void forget(const struct pci_dev *pdev)
{
	struct function *function;
	unsigned long flags;

	raw_spin_lock_irqsave(&function_lock, flags);
	list_for_each_entry(function, &functions, link)
		if (function->pdev == pdev)
			function->pdev = NULL;
	raw_spin_unlock_irqrestore(&function_lock, flags);
}

static int notified(struct notifier_block *nb, unsigned long action, void *data)
{
	struct pci_dev *pdev = to_pci_dev(data);

	if (pdev->bus->ops != &ops)
		return NOTIFY_DONE;
	if (action == BUS_NOTIFY_ADD_DEVICE)
		introduce(pdev);
	else if (action == BUS_NOTIFY_REMOVED_DEVICE)
		forget(pdev);
	return NOTIFY_OK;
}

static struct notifier_block notifier = {
	.notifier_call = notified,
	.priority = INT_MAX,	/* before the IOMMU core */
};

/* What firmware does --------------------------------------------------------- */

static bool bus_taken(u8 bus)
{
	return pci_find_bus(domain, bus);
}

/* The first bus from @first to @last, in steps, that is not there yet; 0: none. */
static u8 free_bus(unsigned int first, unsigned int last, unsigned int step)
{
	unsigned int bus;

	for (bus = first; bus <= last; bus += step)
		if (!bus_taken(bus))
			return bus;
	return 0;
}

/* Give numbers to the buses below a port. */
static int number_buses(struct function *port)
{
	const struct function *above = port->above;
	u8 first, last, numbers[3];
	unsigned long flags;

	if (!above) {
		first = free_bus(1, 0xff - ROOT_PORT_BUSES, ROOT_PORT_BUSES);
		last = first + ROOT_PORT_BUSES - 1;
	} else {
		first = above->space.value[PCI_SECONDARY_BUS];
		last = above->space.value[PCI_SUBORDINATE_BUS];
		first = free_bus(first + 1, last, 1);
		if (port->shape.type == SHAPE_DOWNSTREAM)
			last = first;
	}
	if (!first)
		return -ENOSPC;
	numbers[0] = function_bus(port);
	numbers[1] = first;
	numbers[2] = last;
	raw_spin_lock_irqsave(&function_lock, flags);
	memcpy(&port->space.value[PCI_PRIMARY_BUS], numbers, sizeof(numbers));
	raw_spin_unlock_irqrestore(&function_lock, flags);
	return 0;
}

static resource_size_t window_size(const struct shape *shape)
{
	return (shape->type == SHAPE_DOWNSTREAM ? 1 : 8) * WINDOW_UNIT;
}

static int open_window(struct pci_dev *pdev, const struct shape *shape)
{
	struct resource *res = &pdev->resource[PREF_WINDOW];
	u32 bits;
	int rc;

	res->flags = IORESOURCE_MEM | IORESOURCE_PREFETCH | IORESOURCE_MEM_64 |
		     IORESOURCE_STARTALIGN;
	res->start = WINDOW_UNIT;
	res->end = WINDOW_UNIT + window_size(shape) - 1;
	rc = pci_assign_resource(pdev, PREF_WINDOW);
	if (rc)
		return rc;
	bits = (res->start >> 16 & 0xfff0) | (res->end & 0xfff00000);
	pci_write_config_dword(pdev, PCI_PREF_MEMORY_BASE, bits);
	pci_write_config_dword(pdev, PCI_PREF_BASE_UPPER32,
			       upper_32_bits(res->start));
	pci_write_config_dword(pdev, PCI_PREF_LIMIT_UPPER32,
			       upper_32_bits(res->end));
	return 0;
}

static int set_up_port(struct pci_dev *pdev, const struct shape *shape)
{
	/* Its buses have their numbers: the first of two passes finds them. */
	pci_scan_bridge(pdev->bus, pdev, pdev->bus->number, 0);
	if (!pdev->subordinate)
		return -ENOSPC;
	return open_window(pdev, shape);
}

static int set_up_engine(struct pci_dev *pdev)
{
	int bar, rc;

	for (bar = 0; bar < PCI_STD_NUM_BARS; bar++) {
		if (!pci_resource_len(pdev, bar) || pdev->resource[bar].parent)
			continue;
		rc = pci_assign_resource(pdev, bar);
		if (rc)
			return rc;
	}
	return 0;
}

/* Let the kernel find the function, which is in its place. */
static int appear(struct function *function)
{
	const struct shape *shape = &function->shape;
	struct pci_dev *pdev;
	struct pci_bus *bus;
	int rc = 0;

	if (shape_is_port(shape))
		rc = number_buses(function);
	if (rc)
		return rc;
	bus = pci_find_bus(domain, function_bus(function));
	pdev = bus ? pci_scan_single_device(bus, function->devfn) : NULL;
	/* It may be another one, if somebody has written to the port's buses. */
	if (!pdev || pdev != READ_ONCE(function->pdev))
		return -ENODEV;
	if (!device_iommu_mapped(&pdev->dev))
		rc = -ENODEV;
	else if (shape_is_port(shape))
		rc = set_up_port(pdev, shape);
	else
		rc = set_up_engine(pdev);
	if (rc) {
		pci_stop_and_remove_bus_device(pdev);
		return rc;
	}
	pci_bus_add_devices(bus);
	return 0;
}

/* Plugging ------------------------------------------------------------------- */

static int plug(struct socket *socket)
{
	struct function *function = socket->function;
	int rc;

	lockdep_assert_held(&host.lock);
	if (!host.bus)
		return -ENODEV;
	rc = function_enter(function);
	if (rc)
		return rc;
	pci_lock_rescan_remove();
	rc = appear(function);
	snprintf(socket->plugged.name, sizeof(socket->plugged.name),
		 "%04x:%02x:%02x.%u", domain, function_bus(function),
		 PCI_SLOT(function->devfn), PCI_FUNC(function->devfn));
	pci_unlock_rescan_remove();
	if (!rc) {
		atomic_inc(&host.nr);
		return 0;
	}
	function_leave(function);
	wake_up_all(&host.fewer);
	return rc;
}

/**
 * host_plug - plug in a function
 * @name: of its directory in configfs
 * @shape: what it is like
 * @config: what the device is like, for the IOMMU
 *
 * Return: what is plugged in, or an error: -ENODEV without a device that lends its memory,
 * without the port, or if the kernel does not find it; -EEXIST if one of that name is still
 * there, -EBUSY if its place is taken, -EINVAL if it does not fit there, -ENOSPC without
 * numbers for buses, -ENOMEM.
 */
struct plugged *host_plug(const char *name, const struct shape *shape,
			  const struct iosim_config *config)
{
	struct socket *socket = kzalloc(sizeof(*socket), GFP_KERNEL_ACCOUNT);
	int rc;

	if (!socket)
		return ERR_PTR(-ENOMEM);
	socket->function = function_create(name, shape, config);
	if (IS_ERR(socket->function)) {
		rc = PTR_ERR(socket->function);
		goto err_free;
	}
	socket->plugged.endpoint = socket->function->endpoint;
	mutex_lock(&host.lock);
	rc = plug(socket);
	mutex_unlock(&host.lock);
	if (rc)
		goto err_destroy;
	return &socket->plugged;

err_destroy:
	function_destroy(socket->function);
err_free:
	kfree(socket);
	return ERR_PTR(rc);
}

static struct pci_dev *device_of(const struct function *function)
{
	struct pci_dev *pdev;
	unsigned long flags;

	raw_spin_lock_irqsave(&function_lock, flags);
	pdev = pci_dev_get(function->pdev);
	raw_spin_unlock_irqrestore(&function_lock, flags);
	return pdev;
}

/* It may have been removed through sysfs already. */
static void disappear(struct function *function)
{
	struct pci_dev *pdev = device_of(function);

	if (pdev)
		device_release_driver(&pdev->dev);
	pci_dev_put(pdev);

	pci_lock_rescan_remove();
	pdev = device_of(function);
	if (pdev)
		pci_stop_and_remove_bus_device(pdev);
	pci_dev_put(pdev);
	function_leave(function);
	pci_unlock_rescan_remove();
}

/**
 * host_unplug - pull out a function
 * @plugged: from host_plug(); it is gone when this returns
 *
 * Waits until nothing is below it, and for those who use it through VFIO.
 */
void host_unplug(struct plugged *plugged)
{
	struct socket *socket = container_of(plugged, struct socket, plugged);
	struct function *function = socket->function;

	wait_event_idle(host.fewer, function_begin_leave(function));
	disappear(function);
	atomic_dec(&host.nr);
	wake_up_all(&host.fewer);
	function_destroy(function);
	kfree(socket);
}

/* The bridge ----------------------------------------------------------------- */

static struct pci_bus *make_bus(void)
{
	LIST_HEAD(resources);
	struct pci_bus *bus;

	pci_add_resource(&resources, &host.buses);
	pci_add_resource(&resources, memory_window());
	host.sysdata = (struct pci_sysdata){
		.domain = domain,
		.node = NUMA_NO_NODE,
	};
	bus = pci_create_root_bus(NULL, 0, &ops, &host.sysdata, &resources);
	if (!bus) {
		pci_free_resource_list(&resources);
		return NULL;
	}
	dev_set_msi_domain(&bus->dev, controller_domain(true));
	pci_scan_child_bus(bus);
	pci_bus_add_devices(bus);
	return bus;
}

/**
 * host_open - make the domain
 *
 * Its memory has been opened.
 *
 * Return: 0, -EEXIST if there is such a domain, -ENOMEM.
 */
int host_open(void)
{
	struct pci_bus *bus;

	if (pci_find_bus(domain, 0))
		return -EEXIST;
	pci_lock_rescan_remove();
	bus = make_bus();
	pci_unlock_rescan_remove();
	if (!bus)
		return -ENOMEM;
	mutex_lock(&host.lock);
	host.bus = bus;
	mutex_unlock(&host.lock);
	return 0;
}

/**
 * host_close - undo host_open()
 *
 * Waits until all functions are gone.
 */
void host_close(void)
{
	struct pci_host_bridge *bridge;
	struct pci_bus *bus;

	mutex_lock(&host.lock);
	bus = host.bus;
	bridge = to_pci_host_bridge(bus->bridge);
	host.bus = NULL;
	mutex_unlock(&host.lock);
	wait_event_idle(host.fewer, !atomic_read(&host.nr));
	pci_lock_rescan_remove();
	pci_stop_root_bus(bus);
	pci_remove_root_bus(bus);
	pci_unlock_rescan_remove();
	/* Its first reference is that of whoever has made it. */
	pci_free_host_bridge(bridge);
}

/**
 * host_setup - what is done once
 *
 * Return: 0 or an error.
 */
int host_setup(void)
{
	int rc;

	rc = controller_init();
	if (rc)
		return rc;
	rc = bus_register_notifier(&pci_bus_type, &notifier);
	if (rc)
		controller_exit();
	return rc;
}

/**
 * host_cleanup - undo host_setup()
 */
void host_cleanup(void)
{
	bus_unregister_notifier(&pci_bus_type, &notifier);
	controller_exit();
}
