/**
 * Proves what a store holds, and says what is damaged.
 *
 * <p>Start at {@link cairn.server.scrub.Scrubber}, which runs a {@link cairn.server.scrub.ScrubPass} now and then: all
 * items in the order in which they lie, then all trees, then what images say of their disks. Always true: it changes
 * nothing but records of pages' children that cannot be read; it reads past those who watch readers, so that nothing it
 * reads counts as used; damage does not end it, but is named: the item, whose disks have it, and where.
 */
package cairn.server.scrub;
