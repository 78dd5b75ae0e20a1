/**
 * Gives back the space of what nothing refers to any more, while everybody works.
 *
 * <p>Start at {@link cairn.server.gc.Collector}: a cycle marks from the {@link cairn.server.gc.Roots} what lives, says
 * of the rest that it is condemned, and removes what was condemned in the cycle before and that nobody has asked for
 * since. Always true: what is in doubt is kept; an item is readable for one whole cycle after nothing refers to it; a
 * page that is in the index has everything below it there.
 */
package cairn.server.gc;
