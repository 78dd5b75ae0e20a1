package cairn.server.account;

import cairn.Fault;
import cairn.StoreException;
import cairn.image.AccountId;
import java.util.Collection;
import java.util.HashSet;
import java.util.Set;

/** Whom the owner of something lets use it. @param accounts each by itself, at most {@link #ACCOUNTS_MAX} */
public record Sharing(boolean isPublic, Set<AccountId> accounts) {
    public static final int ACCOUNTS_MAX = 1000;
    public static final Sharing NONE = new Sharing(false, Set.of());

    public Sharing {
        accounts = Set.copyOf(accounts);
        if (accounts.size() > ACCOUNTS_MAX) {
            throw new StoreException(
                    Fault.INVALID_REQUEST,
                    "it would be shared with " + accounts.size() + " accounts, at most " + ACCOUNTS_MAX
                            + " are kept; make it public instead");
        }
    }

    /** With some accounts more and some less; one that is both added and removed is removed. */
    public Sharing changed(boolean willBePublic, Collection<AccountId> added, Collection<AccountId> removed) {
        Set<AccountId> after = new HashSet<>(accounts);
        after.addAll(added);
        after.removeAll(removed);
        return new Sharing(willBePublic, after);
    }

    boolean includes(AccountId account) {
        return isPublic || accounts.contains(account);
    }
}
