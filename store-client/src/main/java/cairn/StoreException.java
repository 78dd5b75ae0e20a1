package cairn;

import java.util.Objects;

/** The one exception inside Cairn: why, for machines, and a message with ids and numbers, for people. */
public final class StoreException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final Fault fault;

    public StoreException(Fault fault, String message) {
        this(fault, message, null);
    }

    /** @param cause may be null */
    public StoreException(Fault fault, String message, Throwable cause) {
        super(message, cause);
        this.fault = Objects.requireNonNull(fault);
    }

    public Fault fault() {
        return fault;
    }
}
