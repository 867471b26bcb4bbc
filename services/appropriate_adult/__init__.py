"""Appropriate adults (合适成年人到场): the register of adults, and who attends a minor's session, minute by minute.

Law: CPL Art. 281; domain/04.
"""
