package cairn.server.account;

import cairn.image.AccountId;
import cairn.sigv4.Credentials;
import java.time.Instant;

/** A key with which an account signs its requests. */
public record AccessKey(Credentials credentials, AccountId account, boolean isActive, Instant createdAt) {
    public String id() {
        return credentials.accessKeyId();
    }
}
