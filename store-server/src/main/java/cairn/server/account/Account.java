package cairn.server.account;

import cairn.image.AccountId;
import cairn.server.storage.DomainId;
import java.time.Instant;

/** Somebody who owns images. */
public record Account(AccountId id, String name, DomainId domain, Instant createdAt) {}
