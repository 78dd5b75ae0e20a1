package cairn.sigv4;

import cairn.Fault;
import cairn.StoreException;
import java.util.Objects;

/**
 * A request that can not be signed, or whose signature does not hold. Apart from {@link StoreException} because a door
 * answers with AWS's own codes, which are finer than {@link Fault}. The message holds no secret.
 */
public final class SigV4Exception extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final SigV4Fault why;

    public SigV4Exception(SigV4Fault why, String message) {
        // Anybody can send unsigned requests as fast as the network takes them, so no stack is walked for each.
        super(message, null, false, false);
        this.why = Objects.requireNonNull(why);
    }

    public SigV4Fault why() {
        return why;
    }

    public Fault fault() {
        return why.fault();
    }

    /** For where only Cairn's one exception is understood. */
    public StoreException toStoreException() {
        return new StoreException(fault(), getMessage(), this);
    }
}
