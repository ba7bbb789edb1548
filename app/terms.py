"""The terms of the pages in plain words, shown as help beside them."""

TERMS = {
    "top1": "How many of 100 images the network names correctly, measured on images that played no "
    "part in training or in choosing the entry. The interval says where the true value lies with "
    "95 % confidence.",
    "p50": "Half of all batches took no longer than this (the median), timed on this device. The "
    "interval says where the true median lies with 95 % confidence.",
    "p90": "9 of 10 batches took no longer than this.",
    "p99": "99 of 100 batches took no longer than this.",
    "macs": "Multiply-adds: the multiplications, each with its addition, for one image. Fewer are "
    "often faster, but not on every device in the same proportion.",
    "params": "Parameters: the numbers that the network has learned. They decide the size of its "
    "file.",
    "resolution": "Width and height of the input image in pixels. Smaller images take less time "
    "and show less.",
    "memory": "The most memory that the network took while it ran.",
    "budget": "The longest time that one batch may take. The explorer chooses the most accurate "
    "entry that keeps to it.",
    "percentile": "Which latency the budget limits: the median, or the time that 90 or 99 of 100 "
    "batches keep to.",
    "margin": "0 trusts the measured latency, 1 plans with the upper end of its 95 % confidence "
    "interval.",
    "device": "Where the latencies were measured: device and runtime.",
    "condition": "When the time was taken: steady is run after run on a device that does nothing "
    "else; others are the first call, a call after a pause, or beside busy processes.",
    "config": "One network of the many that share the weights: a width for each group of layers "
    "and a resolution.",
    "regret": "How many points of accuracy are lost on average, over all devices and budgets, "
    "because only these entries are shipped and not all of them.",
    "share": "How many of these devices your fleet has, relative to the others; 0 leaves it out.",
    "k": "Each entry is a file that you test, store and deliver. Fewer files cost some accuracy.",
    "width": "How many of the full network's channels the group keeps.",
}
"""By the names of quantities and of the URL's values."""
