package cairn.server.api;

import static cairn.Fault.INVALID_REQUEST;

import cairn.StoreException;
import cairn.api.Json;
import cairn.api.Messages.ChangeSharing;
import cairn.api.Messages.ChangeTags;
import cairn.api.Messages.CreateCopy;
import cairn.image.AccountId;
import cairn.image.NewImage;
import cairn.image.Region;
import cairn.server.account.Accounts;
import cairn.server.account.Caller;
import cairn.server.account.Regions;
import cairn.server.account.Sharing;
import cairn.server.http.HttpCall;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.UnaryOperator;

/** What an owner may change about images, snapshots and volumes alike, as requests say it. */
final class RequestedChanges {
    private RequestedChanges() {}

    /** @throws StoreException INVALID_REQUEST; NOT_FOUND for an account that there is not, perhaps mistyped */
    static UnaryOperator<Sharing> sharing(HttpCall call, Accounts accounts) {
        ChangeSharing wanted = Json.decode(call.body(), ChangeSharing.class);
        List<AccountId> added = accounts(wanted.add());
        added.forEach(accounts::requireAccount);
        List<AccountId> removed = accounts(wanted.remove());
        return before -> before.changed(
                Optional.ofNullable(wanted.isPublic()).orElse(before.isPublic()), added, removed);
    }

    private static List<AccountId> accounts(List<String> ids) {
        if (ids == null) {
            return List.of();
        }
        if (ids.size() > Sharing.ACCOUNTS_MAX) {
            throw new StoreException(
                    INVALID_REQUEST, ids.size() + " accounts at once; at most " + Sharing.ACCOUNTS_MAX + " are taken");
        }
        return ids.stream().map(AccountId::new).toList();
    }

    /** Where a copy will lie. @throws StoreException INVALID_REQUEST for a region that is not offered */
    static Caller owner(HttpCall call, CreateCopy wanted, Regions regions) {
        Optional<Region> region = Optional.ofNullable(wanted.region()).map(Region::new).map(regions::requireOffered);
        return region.map(call.caller()::in).orElse(call.caller());
    }

    /** @throws StoreException INVALID_REQUEST, also from what is returned, for tags beyond their limits */
    static UnaryOperator<Map<String, String>> tags(HttpCall call) {
        ChangeTags wanted = Json.decode(call.body(), ChangeTags.class);
        Map<String, String> put = NewImage.requireTags(Optional.ofNullable(wanted.put()).orElse(Map.of()));
        Set<String> removed = Set.copyOf(Optional.ofNullable(wanted.remove()).orElse(List.of()));
        return before -> {
            Map<String, String> after = new HashMap<>(before);
            after.keySet().removeAll(removed);
            after.putAll(put);
            return NewImage.requireTags(after);
        };
    }
}
