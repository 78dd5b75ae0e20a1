package cairn.server.api;

import static cairn.Fault.INVALID_REQUEST;
import static cairn.server.api.ApiDoor.required;

import cairn.StoreException;
import cairn.Text;
import cairn.api.Json;
import cairn.api.Messages.AccountList;
import cairn.api.Messages.ChangeKey;
import cairn.api.Messages.CreateAccount;
import cairn.api.Messages.CreateKey;
import cairn.api.Messages.Key;
import cairn.api.Messages.KeyList;
import cairn.image.AccountId;
import cairn.server.account.AccessKey;
import cairn.server.account.Account;
import cairn.server.account.Accounts;
import cairn.server.http.HttpCall;
import cairn.server.http.HttpReply;
import java.util.Optional;

/** Answers questions about accounts and keys. */
public final class AccountApi {
    private static final String ACTIVE = "active";
    private static final String DISABLED = "disabled";

    private final Accounts accounts;

    public AccountApi(Accounts accounts) {
        this.accounts = accounts;
    }

    HttpReply list(HttpCall call) {
        call.requireOnly();
        return ApiDoor.json(
                new AccountList(accounts.list(call.caller()).stream().map(AccountApi::message).toList()));
    }

    HttpReply create(HttpCall call) {
        call.requireOnly();
        CreateAccount wanted = Json.decode(call.body(), CreateAccount.class);
        return ApiDoor.json(message(accounts.create(call.caller(), required("name", wanted.name()))));
    }

    HttpReply listKeys(HttpCall call) {
        call.requireOnly();
        return ApiDoor.json(new KeyList(
                accounts.listKeys(call.caller()).stream().map(key -> message(key, false)).toList()));
    }

    HttpReply createKey(HttpCall call) {
        call.requireOnly();
        CreateKey wanted = Json.decode(call.body(), CreateKey.class);
        AccountId account =
                Optional.ofNullable(wanted.account()).map(AccountId::new).orElse(call.caller().account());
        return ApiDoor.json(message(accounts.createKey(call.caller(), account), true));
    }

    HttpReply changeKey(HttpCall call, String id) {
        call.requireOnly();
        String state = required("state", Json.decode(call.body(), ChangeKey.class).state());
        if (!state.equals(ACTIVE) && !state.equals(DISABLED)) {
            throw new StoreException(
                    INVALID_REQUEST, "a key's state is " + ACTIVE + " or " + DISABLED + ", not " + Text.shown(state));
        }
        return ApiDoor.json(message(accounts.setActive(call.caller(), id, state.equals(ACTIVE)), false));
    }

    HttpReply deleteKey(HttpCall call, String id) {
        call.requireOnly();
        accounts.deleteKey(call.caller(), id);
        return HttpReply.NO_CONTENT;
    }

    private static cairn.api.Messages.Account message(Account account) {
        return new cairn.api.Messages.Account(
                account.id().value(), account.name(), ACTIVE, account.createdAt().toString());
    }

    private static Key message(AccessKey key, boolean isNew) {
        return new Key(
                key.id(),
                key.account().value(),
                key.isActive() ? ACTIVE : DISABLED,
                key.createdAt().toString(),
                isNew ? key.credentials().secretAccessKey() : null);
    }
}
