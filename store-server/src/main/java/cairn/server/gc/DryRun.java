package cairn.server.gc;

/**
 * What would come back if garbage were collected now by somebody who asks for it.
 *
 * @param givenBackBytes of segments
 * @param extentsDropped whose files just go
 * @param extentsRewritten without what is dead
 * @param leftBytes of dead items that lie too thinly to be worth it
 * @param heldBytes that nothing refers to, and that unfinished uploads and other writers may still want
 */
public record DryRun(long givenBackBytes, int extentsDropped, int extentsRewritten, long leftBytes, long heldBytes) {}
