/**
 * A disk's content as a tree of pages, each of which names 256 chunks or 256 pages below.
 *
 * <p>Always true: equal disks have equal trees, however they were written; a page without anything
 * below it is absent.
 */
package cairn.tree;
