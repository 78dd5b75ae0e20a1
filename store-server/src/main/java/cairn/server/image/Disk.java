package cairn.server.image;

import cairn.server.storage.DomainId;
import cairn.tree.TreeRoot;

/** Where an image's or a snapshot's content is found. */
public record Disk(TreeRoot root, DomainId domain) {}
