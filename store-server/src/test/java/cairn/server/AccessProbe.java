package cairn.server;

import cairn.image.AccountId;
import cairn.server.account.Access.Right;
import java.util.Optional;

/** One door, tried by {@link AccessTableTest} with whoever and whatever the table of rights names. */
interface AccessProbe {
    /** What a door says to somebody. */
    enum Verdict {
        DONE,
        /** It is there, and not theirs to treat so. */
        FORBIDDEN,
        /** There is no such thing. */
        ABSENT
    }

    /** The kinds of things that the table has a column for, by its words. */
    enum Kind {
        IMAGE,
        SNAPSHOT,
        VOLUME,
        INSTANCE,
        UPLOAD,
        ACCOUNT
    }

    /** Something that somebody may want to use. */
    record Thing(Kind kind, String id, AccountId owner) {}

    /** Somebody with a key. @param isRoot whoever owns the store */
    record Somebody(AccountId account, AwsUser user, boolean isRoot) {}

    /**
     * Tries to do what a right allows; what it leaves behind is in nobody's way.
     *
     * @return empty where the door has no such act
     */
    Optional<Verdict> attempt(Somebody who, Right right, Thing thing) throws Exception;
}
