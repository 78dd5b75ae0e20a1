package cairn.server.nbd;

import cairn.Fault;
import cairn.StoreException;
import io.netty.buffer.ByteBuf;

/**
 * What SET_META_CONTEXT and LIST_META_CONTEXT ask for.
 * <pre>
 *   offset  size  field
 *        0     4  length of the name
 *        4        name
 *                 4  number of queries
 *                 queries: length 4, text
 * </pre>
 *
 * @param queries how many there are
 * @param hasAllocation one of them is the context we have
 * @param hasAllOfBase one of them is that context's namespace
 */
record NbdMetaQuestion(String name, int queries, boolean hasAllocation, boolean hasAllOfBase) {
    /** Where data and holes are: the one metadata context there is. */
    static final String ALLOCATION = "base:allocation";

    private static final String NAMESPACE = "base:";

    /** Borrows {@code payload}. @throws StoreException INVALID_REQUEST, TOO_LARGE */
    static NbdMetaQuestion read(ByteBuf payload) {
        NbdText.requireBytes(payload, Integer.BYTES);
        String name = NbdText.read(payload, payload.readUnsignedInt());
        NbdText.requireBytes(payload, Integer.BYTES);
        long queries = payload.readUnsignedInt();
        if (queries * Integer.BYTES > payload.readableBytes()) {
            throw new StoreException(Fault.INVALID_REQUEST,
                    queries + " queries are announced in " + payload.readableBytes() + " bytes");
        }
        boolean hasAllocation = false;
        boolean hasAllOfBase = false;
        for (long i = 0; i < queries; i++) {
            NbdText.requireBytes(payload, Integer.BYTES);
            String query = NbdText.read(payload, payload.readUnsignedInt());
            hasAllocation |= query.equals(ALLOCATION);
            hasAllOfBase |= query.equals(NAMESPACE);
        }
        NbdText.requireEmpty(payload);
        return new NbdMetaQuestion(name, Math.toIntExact(queries), hasAllocation, hasAllOfBase);
    }
}
