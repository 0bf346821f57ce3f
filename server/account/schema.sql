-- step 1: the agreement and who accepted it, consent, closing with its cooling-off, and what was forgotten afterwards
-- For how long a closing can be taken back, and a person stays known after it (milliseconds), per region.
create table account_terms (
  region text primary key,
  cooling_ms bigint not null,
  keep_ms bigint not null
);
insert into account_terms (region, cooling_ms, keep_ms)
values ('CN-SX', 604800000, 315576000000), ('CN-BJ', 604800000, 315576000000);
create table account_agreement (
  region text not null,
  version integer not null,
  effective_at bigint not null,
  zh text not null,
  en text not null,
  primary key (region, version)
);
create table account_acceptance (
  region text not null,
  wallet uuid not null,
  version integer not null,
  at bigint not null,
  primary key (region, wallet, version)
);
-- The newest row is what the person wants now.
create table account_consent (
  region text not null,
  wallet uuid not null,
  id uuid not null,
  analytics boolean not null,
  at bigint not null,
  primary key (region, wallet, id)
);
create table account_closing (
  region text not null,
  id uuid not null,
  wallet uuid not null,
  state text not null check (state in ('cooling', 'cancelled', 'done')),
  reason text,
  asked_at bigint not null,
  due_at bigint not null,
  ended_at bigint,
  forget_at bigint,
  primary key (region, id)
);
create unique index account_closing_of_wallet on account_closing (region, wallet) where state = 'cooling';
create index account_closing_due on account_closing (region, due_at) where state = 'cooling';
create index account_closing_forget on account_closing (region, forget_at) where forget_at is not null;
-- The proof of forgetting: how many rows of a kind were taken out, and the hash of what they were.
create table account_forgotten (
  region text not null,
  wallet uuid not null,
  holding text not null,
  rows bigint not null,
  digest bytea not null,
  at bigint not null,
  primary key (region, wallet, holding, at)
);
insert into account_agreement (region, version, effective_at, zh, en)
select region, 1, 0, zh, en from (values ('CN-SX'), ('CN-BJ')) as regions (region),
(values ('票号服务协议（第一版）

一、这是什么
票号是装在您手机里的钱包。您可以在有网络和没有网络时付款、收款。本协议由您和为您所在地区开立账户的票号运营方订立。

二、您的钱
余额是票号欠您的钱，一元对一元记在复式账上。离线备用的钱从余额中划出，只能由您的手机签名花掉；没花完的，您交回即到账，最迟在过期并过了上传期之后自动退回。

三、付款不可撤销
签了名的付款就是付款。收款人未用完的误付，可以提出追回申请，由收款人答复；票号不会未经同意取走收款人的钱。

四、两次花同一笔钱
同一编号签了两笔付款，是可以由任何人核验的证据。诚实的收款人由担保基金足额付清，差额由付款人偿还，该离线额度和设备即刻停用。

五、手机丢失
请立即冻结：用另一部手机，或用打印的恢复码。冻结之前在没有网络处签出的付款，仍须付给诚实的收款人，最多为您当时的离线额度。

六、费用
充值、提现和跨地区付款的费用、到账时间和限额在操作前逐项列出，以确认时所示为准。钱包之间付款不收费。

七、您的信息
我们保存什么、为了什么、保存多久，在“我的 › 关于我的数据”里逐条可见，并可全部下载。分析用途须经您同意，随时可以关闭。

八、注销
随时可以注销。先给您全部数据的下载，再有七天可以反悔；其后钱包关闭，手机上的数据清除。依法须留存的身份信息在期满后删除。注销之后，可以用同一手机号和同一身份重新开立新的钱包，旧钱包的记录不会回来。

九、变更
协议变更会提前告知。新版本生效后，须您接受才能继续动用资金；不接受，您可以提现并注销。',
'Piaohao terms of service (version 1)

1. What this is
Piaohao is a wallet on your phone. You can pay and be paid with a network and without one. These terms are between you and the operator of Piaohao that opened your account in your region.

2. Your money
Your balance is money Piaohao owes you, kept one for one in a double-entry ledger. Money set aside for offline use leaves your balance and can be spent only by your phone''s signature; what you do not spend comes back when you return it, and at the latest by itself once it has expired and the time for uploads is over.

3. A payment is final
A signed payment is a payment. If you paid the wrong person you can ask for what they have not spent yet, and they answer; Piaohao takes nothing from a payee without their consent.

4. Spending the same money twice
Two payments signed under one number are a proof anybody can check. Honest payees are paid in full by the guarantee fund, the payer owes the difference, and that offline allowance and device stop at once.

5. A lost phone
Freeze at once, from another phone or with your printed recovery code. Payments signed with no network before the freeze are still owed to honest payees, up to your offline allowance of that moment.

6. Fees
Fees, arrival times and limits of top-ups, withdrawals and payments to other regions are listed before each act, and what was shown when you confirmed holds. Payments between wallets are free.

7. Your data
What we hold, why and for how long stands row by row under Me › What we hold about me, and you can download all of it. Use for analytics needs your consent, which you can take back at any time.

8. Closing
You can close your wallet at any time. You are first offered a download of everything, then you have seven days to change your mind; after that the wallet is closed and the data on your phone is removed. What the law wants kept of your identity is deleted when its time is over. You can open a new wallet with the same phone number and identity afterwards; the records of the old one do not come back.

9. Changes
Changes are announced beforehand. Once a new version is in force you must accept it before money moves again; if you do not, you can withdraw and close your wallet.')) as words (zh, en);
