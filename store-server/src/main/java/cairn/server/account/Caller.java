package cairn.server.account;

import cairn.image.AccountId;
import cairn.server.storage.DomainId;

/**
 * Who has asked.
 *
 * @param domain the dedup domain in which this account is told what is already stored
 * @param isRoot may manage accounts, and sees everything
 */
public record Caller(AccountId account, DomainId domain, boolean isRoot) {}
