package cairn.server.account;

import cairn.image.AccountId;
import java.util.Set;

/** Whom the owner of something lets use it. @param accounts each by itself */
public record Sharing(boolean isPublic, Set<AccountId> accounts) {
    public static final Sharing NONE = new Sharing(false, Set.of());

    public Sharing {
        accounts = Set.copyOf(accounts);
    }

    boolean includes(AccountId account) {
        return isPublic || accounts.contains(account);
    }
}
