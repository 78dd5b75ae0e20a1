package cairn.server.account;

import cairn.image.AccountId;
import cairn.image.Region;

/**
 * Who may do what: every door asks here, and nowhere else. The table in docs/operations.md says the same to people.
 *
 * <p>An account may do everything with what it owns, in the region where that lies. What is shared with it, or public,
 * it may use, never change. All else does not exist for it. The root account may do everything with everything, in the
 * region where that lies.
 */
public final class Access {
    /** What somebody may want to do. */
    public enum Right {
        /** Know that it is there: its name, state, size, and whose it is. */
        SEE,
        /** Have its content: blocks, pages, chunks, digests, an export over NBD. */
        READ,
        /** Make volumes and instances from it. */
        LAUNCH,
        /** Make one of one's own of the same content. */
        COPY,
        /** Change, share, tag or remove it, and see its tags and whom it is shared with. */
        MANAGE
    }

    /** Something that somebody owns. */
    public interface Owned {
        AccountId owner();

        Region region();

        /** Nobody but the owner uses what cannot be shared. */
        Sharing sharing();
    }

    private Access() {}

    public static boolean may(Caller caller, Right right, Owned owned) {
        if (!caller.isIn(owned.region())) {
            return false;
        }
        if (caller.isRoot() || caller.account().equals(owned.owner())) {
            return true;
        }
        return right != Right.MANAGE && owned.sharing().includes(caller.account());
    }
}
