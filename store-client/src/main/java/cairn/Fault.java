package cairn;

import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;

/** Why something failed, for machines. Each door turns it into its protocol's own error, in one place. */
public enum Fault {
    /** What was asked makes no sense, or breaks a limit; asking again unchanged is no use. */
    INVALID_REQUEST,
    /** Nobody is known to have asked: no signature, a wrong one, an unknown key, an expired ticket. */
    UNAUTHENTICATED,
    /** Known, and not allowed. */
    FORBIDDEN,
    /** There is no such thing, or the asker may not know that there is. */
    NOT_FOUND,
    /** It is taken, or has changed meanwhile. */
    CONFLICT,
    /** More bytes than the named limit. */
    TOO_LARGE,
    /** The place where it would be kept is full. */
    NO_SPACE,
    /** Stored bytes are not what they were. */
    CORRUPT,
    /** The other side can not be reached, or broke off. */
    UNAVAILABLE,
    /** The server is going down; ask again later. */
    SHUTTING_DOWN,
    /** A fault of ours. */
    INTERNAL;

    /** What a failure means, seen through the wrappers that futures put around it. */
    public static Fault of(Throwable failure) {
        return cause(failure) instanceof StoreException e ? e.fault() : INTERNAL;
    }

    /** The failure itself, out of the wrappers that futures put around it. */
    public static Throwable cause(Throwable failure) {
        Throwable cause = failure;
        while ((cause instanceof CompletionException || cause instanceof ExecutionException)
                && cause.getCause() != null) {
            cause = cause.getCause();
        }
        return cause;
    }
}
