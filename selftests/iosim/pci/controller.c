// SPDX-License-Identifier: GPL-2.0-only
/*
 * The interrupt controller of the simulated functions.
 *
 * It is the parent of the MSI domain of each function: an interrupt has a number, which
 * is the data of its message, and the address is that of all interrupts on x86. There
 * are two: one looks whose an interrupt is, as interrupt remapping does, and says that
 * it isolates; the other raises whatever it is told, like a machine without.
 */
#include <linux/idr.h>
#include <linux/irq.h>
#include <linux/irqdomain.h>
#include <linux/msi.h>
#include <linux/pci.h>

#include "controller.h"

#define ADDRESS		0xfee00000
#define ADDRESS_MASK	(~0xfffffULL)
#define NUMBER_MAX	0xffff

static DEFINE_IDA(numbers);

/* By whether it isolates. */
static struct irq_domain *domains[2];
static struct fwnode_handle *nodes[2];

static void chip_nothing(struct irq_data *data)
{
}

static void chip_compose(struct irq_data *data, struct msi_msg *msg)
{
	msg->address_hi = 0;
	msg->address_lo = ADDRESS;
	msg->data = data->hwirq;
}

/* Interrupts are raised on whatever CPU the function runs on. */
static int chip_set_affinity(struct irq_data *data, const struct cpumask *mask,
			     bool force)
{
	irq_data_update_effective_affinity(data, cpumask_of(cpumask_first(mask)));
	return IRQ_SET_MASK_OK_DONE;
}

static struct irq_chip chip = {
	.name = "iosim",
	.irq_ack = chip_nothing,
	.irq_mask = chip_nothing,
	.irq_unmask = chip_nothing,
	.irq_compose_msi_msg = chip_compose,
	.irq_set_affinity = chip_set_affinity,
};

static void domain_free(struct irq_domain *domain, unsigned int virq,
			unsigned int nr)
{
	struct irq_data *data;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		data = irq_domain_get_irq_data(domain, virq + i);
		if (data && data->chip)
			ida_free(&numbers, data->hwirq);
	}
	irq_domain_free_irqs_common(domain, virq, nr);
}

/* MSI has one vector here: an allocation is of one. */
static int domain_alloc(struct irq_domain *domain, unsigned int virq,
			unsigned int nr, void *arg)
{
	msi_alloc_info_t *info = arg;
	int number;

	if (nr != 1)
		return -ENOSPC;
	number = ida_alloc_max(&numbers, NUMBER_MAX, GFP_KERNEL);
	if (number < 0)
		return number;
	irq_domain_set_info(domain, virq, number, &chip, info->desc->dev,
			    handle_edge_irq, NULL, "edge");
	return 0;
}

static const struct irq_domain_ops domain_ops = {
	.alloc = domain_alloc,
	.free = domain_free,
};

static bool init_msi(struct device *dev, struct irq_domain *domain,
		     struct irq_domain *parent, struct msi_domain_info *info)
{
	const struct msi_parent_ops *ops = parent->msi_parent_ops;

	if (info->bus_token != DOMAIN_BUS_PCI_DEVICE_MSI &&
	    info->bus_token != DOMAIN_BUS_PCI_DEVICE_MSIX)
		return false;
	info->flags &= ops->supported_flags;
	info->flags |= ops->required_flags;
	info->chip->irq_ack = irq_chip_ack_parent;
	return true;
}

static const struct msi_parent_ops parent_ops = {
	.supported_flags = MSI_GENERIC_FLAGS_MASK | MSI_FLAG_PCI_MSIX |
			   MSI_FLAG_PCI_MSIX_ALLOC_DYN,
	.required_flags = MSI_FLAG_USE_DEF_DOM_OPS | MSI_FLAG_USE_DEF_CHIP_OPS,
	.prefix = "iosim-",
	.init_dev_msi_info = init_msi,
};

static int make_domain(bool isolated)
{
	struct irq_domain_info info = {
		.hwirq_max = NUMBER_MAX + 1,
		.domain_flags = IRQ_DOMAIN_FLAG_MSI_PARENT |
				(isolated ? IRQ_DOMAIN_FLAG_ISOLATED_MSI : 0),
		.ops = &domain_ops,
	};
	struct irq_domain *domain;

	info.fwnode = irq_domain_alloc_named_fwnode(isolated ? "iosim-pci" :
						    "iosim-pci-open");
	if (!info.fwnode)
		return -ENOMEM;
	domain = irq_domain_instantiate(&info);
	if (IS_ERR(domain)) {
		irq_domain_free_fwnode(info.fwnode);
		return PTR_ERR(domain);
	}
	domain->msi_parent_ops = &parent_ops;
	nodes[isolated] = info.fwnode;
	domains[isolated] = domain;
	return 0;
}

static void drop_domain(bool isolated)
{
	irq_domain_remove(domains[isolated]);
	irq_domain_free_fwnode(nodes[isolated]);
}

/**
 * controller_init - make the controllers
 *
 * Return: 0 or an error.
 */
int controller_init(void)
{
	int rc;

	rc = make_domain(false);
	if (rc)
		return rc;
	rc = make_domain(true);
	if (rc)
		drop_domain(false);
	return rc;
}

/**
 * controller_exit - undo controller_init()
 *
 * There are no functions.
 */
void controller_exit(void)
{
	drop_domain(true);
	drop_domain(false);
	ida_destroy(&numbers);
}

/**
 * controller_domain - where a function has its interrupts from
 * @isolated: whether it is to be isolated
 *
 * Return: the parent of MSI domains.
 */
struct irq_domain *controller_domain(bool isolated)
{
	return domains[isolated];
}

/**
 * controller_takes - is a write an interrupt?
 * @address: where to
 */
bool controller_takes(u64 address)
{
	return (address & ADDRESS_MASK) == ADDRESS;
}

static bool may_raise(struct irq_domain *domain, struct pci_dev *pdev,
		      bool isolated, unsigned int virq)
{
	struct irq_data *data = irq_domain_get_irq_data(domain, virq);

	return data && (!isolated || irq_data_get_irq_chip_data(data) == &pdev->dev);
}

/**
 * controller_raise - raise an interrupt
 * @pdev: by whom; NULL: the kernel does not know it
 * @isolated: how it was made
 * @data: of the message
 */
void controller_raise(struct pci_dev *pdev, bool isolated, u32 data)
{
	struct irq_domain *domain = domains[isolated];
	unsigned int virq;
	bool may;

	rcu_read_lock();
	virq = irq_find_mapping(domain, data);
	may = virq && pdev && may_raise(domain, pdev, isolated, virq);
	rcu_read_unlock();
	if (may)
		generic_handle_irq_safe(virq);
}
